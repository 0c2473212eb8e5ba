import { expect, test } from "vitest";
import { localKeyService } from "../../src/key-service/key-service.ts";
import { mergeSources } from "../../src/merge.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { aliceHost, changeText, decryptText, encryptText } from "../verbs.ts";

const layout = "keep";

const texts = [
  ["json", '{ "a" : "x",\n  "list": [1, 2.50],\n\n  "b": {"c": "y"} }\n'],
  ["dotenv", "# first\n\na=x\n\n# second\nc=y\n"],
  ["ini", "; first\n[s]\n\na=x ; inline\n\nc : y\n"],
] as const;

test.each(texts)(
  "changes of both sides come together in the author's layout: %s",
  async (format, text) => {
    const base = await encryptText(text, { format, layout });
    const edited = async (from: string, to: string): Promise<Buffer> => {
      const typed = Buffer.from(text.replace(from, to));
      return Buffer.from((await changeText(base, () => typed, { format, layout })) ?? "");
    };
    const warnings: string[] = [];
    const { chunks, conflicts } = await mergeSources(
      {
        base: Buffer.from(base),
        ours: await edited("x", "ours"),
        theirs: await edited("y", "theirs"),
      },
      {
        file: `secrets.${format}`,
        format,
        order: ["age"],
        services: [localKeyService],
        layout,
        labels: { ours: "ours", theirs: "theirs" },
        warn: (message) => warnings.push(message),
      },
      aliceHost,
    );
    expect([conflicts, warnings]).toEqual([[], []]);
    const merged = joinChunks(chunks).toString();
    expect(await decryptText(merged, { format, layout })).toBe(
      text.replace("x", "ours").replace("y", "theirs"),
    );
  },
);
