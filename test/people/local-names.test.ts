import { expect, test } from "vitest";
import type { Host } from "../../src/io/host.ts";
import { localNames } from "../../src/people/local-names.ts";

const fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
const listing = `tru::1:1:0:3:1:5
pub:u:255:22:0000000000000001:1:::u:::scESC:::::ed25519:::0:
fpr:::::::::${fingerprint.slice(0, 24)}0000000000000001:
uid:u::::1::X::Ann Example <ann@example.org> \\x3a-):::::::::0:
uid:u::::1::X::Second <second@example.org>:::::::::0:
sub:u:255:18:BC17301B491B3F21:1::::::e:::::cv25519::
fpr:::::::::${fingerprint}:
pub:u:255:22:0000000000000002:1:::u:::scESC:::::ed25519:::0:
fpr:::::::::111111111111111111111111${"0".repeat(15)}2:
uid:u::::1::X::Other:::::::::0:
`;

function hostWith(files: Readonly<Record<string, string>>, ran: string[][] = []): Host {
  return {
    env: { HOME: "/home/me" },
    readFile: (path: string) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("none"), { code: "ENOENT" });
      if (text === "directory") throw Object.assign(new Error("none"), { code: "EISDIR" });
      return Promise.resolve(Buffer.from(text));
    },
    run: (argv: readonly string[]) => {
      ran.push([...argv]);
      const stdout = Buffer.from(listing);
      return Promise.resolve({ stdout, stderr: Buffer.of(), status: 0, signal: undefined });
    },
  } as unknown as Host;
}

test("a PGP key has the name of its first user ID in gpg, even if a subkey is named", async () => {
  const ran: string[][] = [];
  const key = { type: "pgp", id: fingerprint } as const;
  const odd = { type: "pgp", id: "--export-secret-keys" } as const;
  const names = await localNames([key, odd], hostWith({ "/home/me/.gnupg": "directory" }, ran));
  expect(names).toEqual([
    {
      key,
      name: "Ann Example <ann@example.org> :-)",
      description: undefined,
      source: "pgp user id",
    },
  ]);
  expect(ran.flat().slice(-2)).toEqual(["--", "BC17301B491B3F21"]);
});

test("gpg is not asked if there is no key ring, since it would create one", async () => {
  const ran: string[][] = [];
  expect(await localNames([{ type: "pgp", id: fingerprint }], hostWith({}, ran))).toEqual([]);
  expect(ran).toEqual([]);
});

test("an SSH key has the name in the comment of the user's own public key", async () => {
  const key = { type: "age", id: "ssh-ed25519 AAAAC3" } as const;
  const host = hostWith({ "/home/me/.ssh/id_ed25519.pub": "ssh-ed25519 AAAAC3 me@laptop 2\n" });
  expect((await localNames([key], host)).map(({ name }) => name)).toEqual(["me@laptop 2"]);
});
