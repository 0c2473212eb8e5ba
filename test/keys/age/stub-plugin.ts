import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the stub plugin does with a key before it gives the file key: nothing, a message, one of the questions of the
 * protocol, an error, or an early end. Throw-away keys, made for tests: their bytes are the names.
 */
export const stubKeys = {
  plain: ["age1stub1wpkxz6tw74fqwk", "AGE-PLUGIN-STUB-1WPKXZ6TWRVFEHA"],
  message: ["age1stub1d4jhxumpvajseldjeh", "AGE-PLUGIN-STUB-1D4JHXUMPVAJS9AJ3KH"],
  pin: ["age1stub1wp5kuq7r026", "AGE-PLUGIN-STUB-1WP5KU9U40YT"],
  public: ["age1stub1wp6kymrfvvz9qs8t", "AGE-PLUGIN-STUB-1WP6KYMRFVVTX7ZPT"],
  confirm: ["age1stub1vdhkuenfwfksgwv8vw", "AGE-PLUGIN-STUB-1VDHKUENFWFKS5VNYRW"],
  enter: ["age1stub1v4h8getjvwdfrq", "AGE-PLUGIN-STUB-1V4H8GETJ3HDS6T"],
  error: ["age1stub1v4e8ymmjm8k79d", "AGE-PLUGIN-STUB-1V4E8YMMJX7K8UX"],
  silent: ["age1stub1wd5kcetwws526pyv", "AGE-PLUGIN-STUB-1WD5KCETWWSAFYNZV"],
} as const;

/** A plugin that hides the file key by flipping bits. It logs what it is told, and fails when that is not the protocol. */
const program = `
const { appendFileSync } = require("node:fs");
const lines = require("node:readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const keys = new Map(Object.entries(${JSON.stringify(stubKeys)}).flatMap(([mode, texts]) => texts.map((text) => [text, mode])));
const base64 = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");
const flip = (bytes) => Buffer.from(bytes).map((byte) => byte ^ 0x5a);

async function read() {
  const { value: head, done } = await lines.next();
  if (done) process.exit(0);
  let body = "";
  for (;;) {
    const { value: line } = await lines.next();
    body += line;
    if (line.length < 64) break;
  }
  const args = head.split(" ");
  if (args.shift() !== "->") throw new Error("no stanza: " + head);
  if (process.env.STUB_LOG) appendFileSync(process.env.STUB_LOG, args.join(" ") + "\\n");
  return { args, body: Buffer.from(body, "base64") };
}
function send(args, body = "") {
  const text = base64(body);
  const rows = [...(text.match(/.{1,64}/g) ?? []), ...(text.length % 64 === 0 ? [""] : [])];
  process.stdout.write(["-> " + args.join(" "), ...rows].join("\\n") + "\\n");
}
async function ask(args, body) {
  send(args, body);
  return read();
}
async function fail(text) {
  await ask(["error", "internal"], text);
  send(["done"]);
  process.exit(0);
}
async function goThrough(mode) {
  if ((await ask(["stub-extension"])).args[0] !== "unsupported") await fail("an unknown command was taken");
  if (mode === "message") await ask(["msg"], "touch the key");
  if (mode === "error") await fail("the key is locked");
  if (mode === "silent") process.exit(0);
  if (mode === "pin")
    for (;;) {
      const { args, body } = await ask(["request-secret"], "Enter PIN:");
      if (args[0] === "fail") await fail("nobody gave a PIN");
      if (body.toString() === "1234") break;
    }
  if (mode === "public") {
    const { args, body } = await ask(["request-public"], "Who are you?");
    if (args[0] !== "ok" || body.toString() !== "ann") await fail("unknown user");
  }
  if (mode === "confirm" && (await ask(["confirm", base64("Yes"), base64("No")], "Use the key?")).args[1] !== "yes")
    await fail("the user said no");
  if (mode === "enter" && (await ask(["confirm", base64("Go on")], "Ready?")).args[1] !== "yes")
    await fail("the user is not ready");
}
(async () => {
  const isWrap = process.argv[2] === "--age-plugin=recipient-v1";
  if (process.argv[2] === "--age-plugin=identity-v1" || isWrap);
  else process.exit(1);
  const mine = [], stanzas = [];
  for (;;) {
    const { args: [type, ...args], body } = await read();
    if (type === "add-recipient" || type === "add-identity") mine.push(keys.get(args[0]));
    if (type === "wrap-file-key") stanzas.push({ args: [], body });
    if (type === "recipient-stanza") stanzas.push({ args: args.slice(1), body });
    if (type === "done") break;
  }
  if (isWrap) {
    if (mine[0] === "message") await ask(["msg"], "wrapping");
    if (mine[0] === "error") await fail("no such slot");
    await ask(["recipient-stanza", "0", "stub", mine[0]], flip(stanzas[0].body));
  } else {
    const stanza = stanzas.find(({ args }) => args[0] === "stub" && mine.includes(args[1]));
    if (stanza !== undefined) {
      await goThrough(stanza.args[1]);
      await ask(["file-key", "0"], flip(stanza.body));
    }
  }
  send(["done"]);
})();
`;

/** Puts `age-plugin-stub` into a folder. */
export function installStubPlugin(folder: string): void {
  const path = join(folder, "age-plugin-stub");
  writeFileSync(path, `#!${process.execPath}\n${program}`);
  chmodSync(path, 0o755);
}
