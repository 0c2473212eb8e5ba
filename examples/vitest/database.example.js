import { expect, test } from "vitest";
import { address } from "./database.js";

test("the address of the database has host and port of the encrypted file", () => {
  expect(new URL(address).host).toBe("db.example.com:5432");
  expect(new URL(address).password).toHaveLength(20);
});
