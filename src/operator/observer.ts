export type LogLevel = "debug" | "info" | "error";

/** What the rest of the process hears of passes; no names of objects in it. */
export interface Observer {
  reconciled(result: "success" | "error" | "suspended", seconds: number): void;
  wrote(operation: string): void;
  /** @param keyType of the keys that opened it, such as `age` or `kms+pgp`; `none` */
  decrypted(seconds: number, keyType: string): void;
  /** An event was not sent. */
  dropped(): void;
  log(level: LogLevel, message: string, fields: Record<string, string | number>): void;
}
