import { createHash } from "node:crypto";
import type { Scalar } from "../tree/node.ts";
import { plaintextOf } from "./leaf.ts";

/** Fed first when only encrypted leaves count: SHA-256 of the four bytes `sops` (spec file-format section 4). */
export const ONLY_ENCRYPTED: Uint8Array = Buffer.from(
  "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69",
  "hex",
);

/**
 * The message authentication code of a file: SHA-512 over the plaintext of its leaves in document order, without separators. Keys,
 * nulls and comments do not count.
 */
export class Mac {
  private readonly hash = createHash("sha512");
  private readonly onlyEncrypted: boolean;
  /** Short texts are fed together: a call costs more than the hashing of a value. */
  private pending = "";

  constructor(onlyEncrypted: boolean) {
    this.onlyEncrypted = onlyEncrypted;
    if (onlyEncrypted) this.hash.update(ONLY_ENCRYPTED);
  }

  add(leaf: Scalar, isEncrypted: boolean): void {
    if (this.onlyEncrypted && !isEncrypted) return;
    const plain = plaintextOf(leaf);
    if (typeof plain === "string" && plain.length < 4096) {
      this.pending += plain;
      if (this.pending.length > 16_384) this.flush();
    } else {
      this.flush();
      this.hash.update(plain);
    }
  }

  /** Upper-case hex. */
  digest(): string {
    this.flush();
    return this.hash.digest("hex").toUpperCase();
  }

  private flush(): void {
    if (this.pending === "") return;
    this.hash.update(this.pending, "utf8");
    this.pending = "";
  }
}
