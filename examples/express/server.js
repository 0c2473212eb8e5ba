import express from "express";
import secrets from "./secrets.enc.yaml";

const app = express();

app.get("/", (_request, response) => {
  response.send(`${secrets.db.host}, password of ${secrets.db.pass.length} characters`);
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
