import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { Api, type ApiError } from "../../src/operator/api.ts";
import { backOff, WorkQueue } from "../../src/operator/queue.ts";
import { Reflector, type ReflectorOptions } from "../../src/operator/reflector.ts";

let server: Server | undefined;
let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
  server?.closeAllConnections();
  server?.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void;

/** An API server that plays answers to lists, to watches and to looks at its version, the last one of each for ever. */
async function fake(
  lists: Answer[],
  watches: Answer[],
  looks: Answer[] = [list("999", [])],
): Promise<{ api: Api; seen: string[] }> {
  const seen: string[] = [];
  server = createServer((request, response) => {
    const query = new URL(request.url ?? "/", "http://x").searchParams;
    const isWatch = query.get("watch") === "true";
    const isLook = query.get("limit") === "1";
    seen.push(
      isWatch
        ? `watch ${query.get("resourceVersion")}`
        : isLook
          ? "look"
          : `list ${query.get("continue") ?? ""}`.trim(),
    );
    const answers = isWatch ? watches : isLook ? looks : lists;
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response, query);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connection = {
    server: `http://127.0.0.1:${port}`,
    credentials: () => Promise.resolve({ headers: {} }),
  };
  return { api: new Api(connection, { qps: 1000, burst: 1000 }), seen };
}

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
const item = (uid: string, resourceVersion: string) => ({ metadata: { uid, resourceVersion } });
const list = (resourceVersion: string, uids: string[], next = ""): Answer =>
  json(200, {
    metadata: { resourceVersion, continue: next },
    items: uids.map((uid) => item(uid, "1")),
  });
const lines =
  (...events: object[]): Answer =>
  (_request, response) => {
    response.writeHead(200);
    for (const event of events) response.write(`${JSON.stringify(event)}\n`);
    response.end();
  };
const hang: Answer = (_request, response) => {
  response.writeHead(200);
  response.flushHeaders();
};
const reset: Answer = (request, response) => {
  response.writeHead(200);
  response.flushHeaders();
  setTimeout(() => request.socket.destroy(), 5);
};

function watchOver(api: Api, options: Partial<ReflectorOptions> = {}) {
  const events: string[] = [];
  const reflector = new Reflector(api, {
    path: "/things",
    metadataOnly: true,
    onSet: (object) => events.push(`set ${(object["metadata"] as { uid: string }).uid}`),
    onDelete: (uid) => events.push(`delete ${uid}`),
    onSynced: (uids) => events.push(`synced ${[...uids].join(" ")}`),
    onUp: () => undefined,
    onDown: (reason) => events.push(`down ${reason}`),
    onRewind: () => events.push("rewind"),
    relistMs: 600_000,
    random: () => 0,
    maxWaitMs: 5,
    ...options,
  });
  void reflector.run(stop.signal);
  return { events, reflector };
}

const until = (look: () => void): Promise<void> => vi.waitFor(look, { timeout: 5000, interval: 5 });

test("pages of a list are joined; a 410 in the middle starts again", async () => {
  const { api, seen } = await fake(
    [
      list("9", ["a"], "more"),
      json(410, { reason: "Expired" }),
      list("10", ["a"], "more"),
      list("10", ["b"]),
    ],
    [hang],
  );
  const { events, reflector } = watchOver(api);
  await until(() => expect(seen).toEqual(["list", "list more", "list", "list more", "watch 10"]));
  expect(events.at(-1)).toBe("synced a b");
  expect(reflector.hasSynced).toBe(true);
});

test("a watch that ends is resumed from what was last seen, bookmarks included", async () => {
  const { api, seen } = await fake(
    [list("9", [])],
    [
      lines(
        { type: "ADDED", object: item("a", "11") },
        { type: "BOOKMARK", object: { metadata: { resourceVersion: "15" } } },
      ),
      lines({ type: "DELETED", object: item("a", "16") }),
      hang,
    ],
  );
  const { events } = watchOver(api);
  await until(() => expect(seen).toEqual(["list", "watch 9", "watch 15", "watch 16"]));
  expect(events).toEqual(["synced ", "set a", "delete a"]);
});

test("a 410 as a line inside a 200, and as a status, leads to a new list", async () => {
  const gone = { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } };
  const { api, seen } = await fake(
    [list("9", ["a"]), list("20", ["b"]), list("30", ["c"])],
    [lines(gone), json(410, {}), hang],
  );
  const { events } = watchOver(api);
  await until(() =>
    expect(seen).toEqual(["list", "watch 9", "list", "watch 20", "list", "watch 30"]),
  );
  expect(events.filter((event) => event.startsWith("synced"))).toEqual([
    "synced a",
    "synced b",
    "synced c",
  ]);
});

test("a connection that is reset, and one without a byte, are tried again from where they were", async () => {
  const { api, seen } = await fake([list("9", [])], [reset, hang, lines(), hang]);
  watchOver(api, { watchSeconds: () => 0, graceMs: 30 });
  await until(() => expect(seen.filter((one) => one === "watch 9").length).toBeGreaterThan(3));
  expect(seen.filter((one) => one.startsWith("list"))).toEqual(["list"]);
});

test("watches that end at once without an event do not cause a storm", async () => {
  const { api, seen } = await fake([list("9", [])], [lines()]);
  watchOver(api, { maxWaitMs: 10_000 });
  await until(() => expect(seen).toEqual(["list", "watch 9"]));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(seen).toHaveLength(2);
});

test("bursts of 500 and 429 are waited out", async () => {
  const { api, seen } = await fake(
    [json(500, {}), json(429, {}), json(404, {}), list("9", [])],
    [hang],
  );
  const { events } = watchOver(api);
  await until(() => expect(seen.at(-1)).toBe("watch 9"));
  expect(events).toEqual(["down 500", "down 429", "down 404", "synced "]);
});

test("a server that names a time is asked again after it, however many failures were before", async () => {
  const { api, seen } = await fake(
    [json(500, {}), json(429, {}, { "retry-after": "1" }), list("9", [])],
    [hang],
  );
  const started = performance.now();
  watchOver(api, { maxWaitMs: 5 });
  await until(() => expect(seen.at(-1)).toBe("watch 9"));
  expect(performance.now() - started).toBeGreaterThan(990);
  expect(performance.now() - started).toBeLessThan(2500);
});

test("waits start again after any answer, and a server that is away is tried every few seconds", async () => {
  const { api, seen } = await fake([list("9", [])], [reset, reset, reset, reset, hang]);
  const started = performance.now();
  watchOver(api, { maxWaitMs: Infinity });
  // Four resets after a watch that was answered: half a second each, not 0.5 + 1 + 2 + 4.
  await until(() => expect(seen.filter((one) => one === "watch 9")).toHaveLength(5));
  expect(performance.now() - started).toBeLessThan(4000);
});

test("everything is listed again after a while, even if the watch is healthy", async () => {
  const { api, seen } = await fake(
    [list("9", ["a"]), list("12", ["a", "b"])],
    [
      (_request, response, query) => {
        response.writeHead(200).flushHeaders();
        setTimeout(() => response.end(), Number(query.get("timeoutSeconds")) * 1000);
      },
      hang,
    ],
  );
  const { events } = watchOver(api, { relistMs: 300 });
  await until(() => expect(seen).toEqual(["list", "watch 9", "list", "watch 12"]));
  expect(events.at(-1)).toBe("synced a b");
});

test("a store that went back in time is noticed before its content is used", async () => {
  const { api } = await fake([list("90", ["a"]), list("40", ["a"])], [json(410, {}), hang]);
  const { events } = watchOver(api);
  await until(() => expect(events.filter((one) => one === "synced a")).toHaveLength(2));
  expect(events).toEqual(["set a", "synced a", "down 410", "rewind", "set a", "synced a"]);
});

test("after an outage the store's version is looked at: a restored one is listed again at once", async () => {
  const { api, seen } = await fake(
    [list("90", ["a"]), list("40", ["a"])],
    [reset, hang],
    [list("40", [])],
  );
  const { events } = watchOver(api);
  await until(() => expect(seen).toEqual(["list", "watch 90", "look", "list", "watch 40"]));
  expect(events.slice(-3)).toEqual(["rewind", "set a", "synced a"]);
});

test("when nobody answered everything is listed again: the store may have overtaken what was seen", async () => {
  const unanswered: Answer = (request) => request.socket.destroy();
  const { api, seen } = await fake([list("90", ["a"]), list("95", ["a"])], [unanswered, hang]);
  watchOver(api);
  await until(() => expect(seen).toEqual(["list", "watch 90", "list", "watch 95"]));
});

test("a server that is not well after a connection broke is listed again", async () => {
  const { api, seen } = await fake(
    [list("90", ["a"]), list("95", ["a"])],
    [reset, hang],
    [json(503, {})],
  );
  watchOver(api);
  await until(() => expect(seen).toEqual(["list", "watch 90", "look", "list", "watch 95"]));
});

test("requests go on while more watches are open than there are connections for requests", async () => {
  const { api, seen } = await fake([list("9", [])], [hang]);
  for (let i = 0; i < 80; i++) watchOver(api);
  await until(() => expect(seen.filter((one) => one === "watch 9")).toHaveLength(80));
  await expect(api.request({ method: "GET", path: "/x" })).resolves.toBeDefined();
});

test("errors of the API server show fields and rights, never a value", async () => {
  const causes = [
    { field: "metadata.labels", reason: "FieldValueInvalid", message: 'Invalid value: "hunter2"' },
  ];
  const { api } = await fake(
    [
      json(422, {
        reason: "Invalid",
        message: 'metadata.labels: Invalid value: "hunter2"',
        details: { causes },
      }),
      json(403, {
        reason: "Forbidden",
        message:
          'secrets is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "n": hunter2',
      }),
      json(503, { reason: "x" }, { "retry-after": "7" }),
    ],
    [],
  );
  const failure = (): Promise<ApiError> =>
    api.request({ method: "GET", path: "/x" }).then(
      () => Promise.reject(new Error("no error")),
      (error: unknown) => error as ApiError,
    );
  expect((await failure()).message).toBe(
    "the API server rejects metadata.labels (FieldValueInvalid)",
  );
  expect((await failure()).message).toBe(
    'forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "n"',
  );
  expect(await failure()).toMatchObject({ status: 503, retryAfter: 7 });
});

test("a key is in the queue once, is never processed twice at a time, and is processed again if it was added meanwhile", async () => {
  const running: string[] = [];
  let most = 0;
  const log: string[] = [];
  const queue = new WorkQueue(async (key) => {
    running.push(key);
    most = Math.max(most, running.filter((one) => one === key).length);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running.splice(running.indexOf(key), 1);
    log.push(key);
    return undefined;
  }, 2);
  for (const key of ["a", "a", "b", "c", "a"]) queue.add(key);
  await queue.drained();
  expect(most).toBe(1);
  expect(log.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["a", "a", "b", "c"]);
});

test("recent changes go before routine work, and a routine key that changes moves up", async () => {
  const log: string[] = [];
  const queue = new WorkQueue((key) => {
    log.push(key);
    return Promise.resolve(undefined);
  }, 1);
  for (const key of ["r1", "r2", "r3", "r4"]) queue.add(key, "routine");
  queue.add("new");
  queue.add("r4");
  queue.add("r4", "routine");
  await queue.drained();
  expect(log).toEqual(["r1", "new", "r4", "r2", "r3"]);
});

test("waits double from five seconds up to the cap, give or take a tenth", () => {
  const waits = [1, 2, 3, 10].map((failures) => backOff(failures, 300_000, () => 0.5));
  expect(waits).toEqual([5000, 10_000, 20_000, 300_000]);
  expect(backOff(1, 300_000, () => 0)).toBe(4500);
});
