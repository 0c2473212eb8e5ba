import secrets from "./secrets.enc.yaml";

export const address = `postgres://app:${secrets.db.pass}@${secrets.db.host}:${secrets.db.port}/shop`;
