import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { Governing } from "../check/check.ts";
import { RulesInForce } from "../check/rules-in-force.ts";
import { loadConfig } from "../config/loaded-config.ts";
import type { Call } from "./command.ts";
import * as flags from "./flags.ts";
import { namesIn } from "./named-keys.ts";

const CONFIG_NAME = ".sops.yaml";

/**
 * Finds the configuration that governs each of many files: the one of `--config`; else the nearest `.sops.yaml` above the file,
 * up to the working directory, or the one in force there. Each is read once.
 */
export class GoverningConfigs {
  private readonly call: Call;
  private readonly cwd: string;
  private readonly explicit: string;
  private readonly byDirectory = new Map<string, Promise<Governing | undefined>>();
  private readonly read = new Map<string, Promise<Governing | undefined>>();

  constructor(call: Call) {
    this.call = call;
    this.cwd = call.host.cwd();
    this.explicit = call.globals.text(flags.config);
  }

  /**
   * @param path absolute
   * @throws {ConfigError} for a configuration that cannot be read
   */
  for(path: string): Promise<Governing | undefined> {
    return this.explicit === "" ? this.above(dirname(path)) : this.of(this.explicit);
  }

  /** The one that governs the working directory. */
  here(): Promise<Governing | undefined> {
    return this.of(this.explicit);
  }

  /** Is this a file of configuration? It is no secret file, whatever its rules say. */
  isConfig(path: string): boolean {
    if (basename(path) === CONFIG_NAME) return true;
    return this.explicit !== "" && same(resolve(this.cwd, this.explicit), path);
  }

  private above(directory: string): Promise<Governing | undefined> {
    let found = this.byDirectory.get(directory);
    if (found !== undefined) return found;
    const isBelow = directory.startsWith(this.cwd.endsWith(sep) ? this.cwd : this.cwd + sep);
    const own = join(directory, CONFIG_NAME);
    if (!isBelow) found = this.of("");
    else
      found = existsSync(own) ? this.of(relative(this.cwd, own)) : this.above(dirname(directory));
    this.byDirectory.set(directory, found);
    return found;
  }

  /** @param file "" for the one that is found from the working directory */
  private of(file: string): Promise<Governing | undefined> {
    let reading = this.read.get(file);
    if (reading === undefined) this.read.set(file, (reading = this.load(file)));
    return reading;
  }

  private async load(file: string): Promise<Governing | undefined> {
    const said: string[] = [];
    const loaded = await loadConfig(file, this.call.host, (message) => said.push(message));
    if (loaded === undefined) return undefined;
    const policy = loaded.content.readCheckPolicy();
    const warnings = said.map((text) => {
      const [, line, message = text] = / line (\d+): (.*)$/s.exec(text) ?? [];
      return { line: Number(line ?? 1), message };
    });
    return {
      file: loaded.path,
      names: await namesIn({ config: loaded }),
      rules: await RulesInForce.of(loaded.content, this.call.host),
      warnings,
      isForWindows: policy.windows,
      policy,
    };
  }
}

/** Whether two paths name one file, links followed. */
function same(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
