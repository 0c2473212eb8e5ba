import { expect, test } from "vitest";
import type { Host } from "../../src/io/host.ts";
import { aliceHost, changeText, decryptText, encryptText } from "../verbs.ts";

const layout = "keep";

/** A document of a list: about one node for each line. */
const listOf = (items: number): string => `list:\n${"  - 'x'  # y\n".repeat(items / 2)}`;

/** A host that counts how often memory is freed. */
function countingHost(): { host: Host; count: () => number } {
  let calls = 0;
  return { host: { ...aliceHost, freeMemory: () => void calls++ }, count: () => calls };
}

/** How often memory is freed while a text is encrypted, decrypted and changed; what is decrypted must be that text. */
async function freed(text: string): Promise<Record<"encrypt" | "decrypt" | "change", number>> {
  const [encrypting, decrypting, changing] = [countingHost(), countingHost(), countingHost()];
  const sealed = await encryptText(text, { layout, host: encrypting.host });
  expect((await decryptText(sealed, { layout, host: decrypting.host })) === text).toBe(true);
  const changed = await changeText(sealed, () => Buffer.from(`${text}last: 1\n`), {
    layout,
    host: changing.host,
  });
  expect((await decryptText(changed ?? "", { layout })) === `${text}last: 1\n`).toBe(true);
  return { encrypt: encrypting.count(), decrypt: decrypting.count(), change: changing.count() };
}

test("memory is freed between the phases of work on more than 50,000 nodes, for the same result", async () => {
  expect(await freed(listOf(50_200))).toEqual({
    encrypt: expect.toSatisfy((calls: number) => calls > 0),
    decrypt: expect.toSatisfy((calls: number) => calls > 0),
    change: expect.toSatisfy((calls: number) => calls > 0),
  });
}, 60_000);

test("memory is left to the engine below that, and where it does not offer to free any", async () => {
  expect(await freed(listOf(49_800))).toEqual({ encrypt: 0, decrypt: 0, change: 0 });
  const text = listOf(50_200);
  const { freeMemory } = aliceHost;
  expect(freeMemory).toBeUndefined();
  expect((await decryptText(await encryptText(text, { layout }), { layout })) === text).toBe(true);
}, 60_000);
