import { load } from "sopsmith/load";
import { z } from "zod";

const config = await load({
  files: ["defaults.yaml", "production.enc.yaml"],
  env: process.env,
  schema: z.object({
    db: z.object({ host: z.string(), port: z.number(), pass: z.string() }),
    retries: z.number(),
  }),
});

console.log(`${config.db.host}:${config.db.port}, ${config.retries} retries`);
console.log(`password of ${config.db.pass.length} characters`);
