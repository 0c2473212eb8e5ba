import { expect, test } from "vitest";
import { ending, printed, startScript } from "./script.ts";

const wait = "setTimeout(() => console.log('still there'), 400);";
const register = `const { onProcessEnd, withSignals } = await io("cleanup.ts");`;

test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGXCPU", "SIGUSR1", "SIGUSR2"] as const)(
  "removes what is registered on %s and ends by that signal",
  async (signal) => {
    const child = startScript(
      `${register}
      onProcessEnd(() => { throw new Error("first fails"); });
      onProcessEnd(() => require("fs").writeSync(1, "removed\\n"));
      console.log("ready"); ${wait}`.replace("require(", "process.getBuiltinModule("),
    );
    await printed(child, "ready");
    child.kill(signal);
    expect(await ending(child)).toMatchObject({ status: null, signal, stdout: "removed\n" });
  },
);

test.each(["process.exit(3)", "setTimeout(() => { throw new Error('crash'); })"])(
  "removes what is registered on %s",
  async (way) => {
    const { stdout, status } = await ending(
      startScript(`${register} onProcessEnd(() => console.log("removed")); ${way}`),
    );
    expect(stdout).toBe("removed\n");
    expect(status).toBe(way.includes("3") ? 3 : 1);
  },
);

test("does not remove what was unregistered, and does not keep the process alive", async () => {
  const { stdout, status } = await ending(
    startScript(`${register} onProcessEnd(() => console.log("removed"))();`),
  );
  expect([stdout, status]).toEqual(["", 0]);
});

test("lets the innermost scope answer a signal", async () => {
  const child = startScript(`${register}
    onProcessEnd(() => process.getBuiltinModule("fs").writeSync(1, "removed\\n"));
    const never = () => new Promise(() => {});
    void withSignals(() => "die", () => withSignals(
      (signal) => signal === "SIGINT" ? { exitCode: 1, message: "User canceled operation" } : "continue", never));
    console.log("ready"); ${wait}`);
  await printed(child, "ready");
  child.kill("SIGTERM");
  await printed(child, "still there");
  const end = ending(child);
  expect(child.exitCode).toBe(null);
  expect(await end).toMatchObject({ status: 0 });

  const second = startScript(`${register}
    onProcessEnd(() => process.getBuiltinModule("fs").writeSync(1, "removed\\n"));
    void withSignals(() => ({ exitCode: 1, message: "User canceled operation" }), () => new Promise(() => {}));
    console.log("ready"); ${wait}`);
  await printed(second, "ready");
  second.kill("SIGINT");
  expect(await ending(second)).toEqual({
    status: 1,
    signal: null,
    stdout: "removed\n",
    stderr: "User canceled operation\n",
  });
});

test("leaves a signal to the handlers of the program around it", async () => {
  const child = startScript(`${register}
    process.on("SIGTERM", () => { console.log("own handler"); process.exit(7); });
    onProcessEnd(() => console.log("removed"));
    console.log("ready"); ${wait}`);
  await printed(child, "ready");
  child.kill("SIGTERM");
  expect(await ending(child)).toMatchObject({ status: 7, stdout: "own handler\nremoved\n" });
});

test("lets a signal through that arrives right after the work that let it through", async () => {
  const child = startScript(`${register}
    await withSignals(() => "continue", async () => {});
    process.kill(process.pid, "SIGINT"); ${wait}`);
  expect(await ending(child)).toMatchObject({ status: 0, stdout: "still there\n" });
});
