import secrets from "./secrets.enc.yaml";

const port: number = secrets.db.port;

console.log(`${secrets.db.host}:${port}`);
console.log(`password of ${secrets.db.pass.length} characters`);
