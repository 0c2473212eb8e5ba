import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { render } from "./dist/server/entry-server.js";

const page = await readFile(new URL("dist/client/index.html", import.meta.url), "utf8");

const server = createServer((_request, response) => {
  response.setHeader("content-type", "text/html");
  response.end(page.replace("<!--app-->", render()));
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
