/** What the rest of the process hears of passes; no names of objects in it. */
export interface Observer {
  reconciled(result: "success" | "error" | "suspended", seconds: number): void;
  wrote(operation: string): void;
  decrypted(seconds: number): void;
  log(level: "info" | "error", message: string, fields: Record<string, string | number>): void;
}
