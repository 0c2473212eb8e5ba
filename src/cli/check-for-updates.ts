import type { Host, HttpResponse } from "../io/host.ts";
import { systemCode, systemReason } from "../io/system-error.ts";
import { SOPS_VERSION, versionLine } from "../version.ts";
import { oneLine } from "./warn.ts";

/** Where sops's releases are listed (spec cli 10). */
const PAGE = "https://github.com/getsops/sops/releases/latest";
const LISTING = "https://api.github.com/repos/getsops/sops/releases/latest";

/** For one request, in milliseconds. */
const LIMIT = 10_000;

interface Release {
  /** As `v3.13.3`. */
  readonly tag: string;
  readonly url: string;
}

/** What `--version --check-for-updates` prints: the version, and whether sops has a newer release than the one followed. */
export async function checkedVersion(host: Host): Promise<string> {
  try {
    const { tag, url } = await latestRelease(host);
    return isNewer(tag, SOPS_VERSION)
      ? `${versionLine}\n[info] a new version of sops (${tag}) is available; this sopsmith follows ${SOPS_VERSION}: ${url}\n`
      : `${versionLine} (latest)\n`;
  } catch (error) {
    const reason =
      systemCode(error) === undefined && error instanceof Error
        ? error.message
        : systemReason(error);
    return `${versionLine}\n[warning] failed to retrieve latest version from upstream: ${oneLine(reason)}\n`;
  }
}

async function latestRelease(host: Host): Promise<Release> {
  const ask = (method: string, url: string): Promise<HttpResponse> =>
    host.fetch({
      method,
      url,
      headers: {
        accept: "application/vnd.github+json",
        "user-agent": "sopsmith",
        "x-github-api-version": "2022-11-28",
      },
      signal: AbortSignal.timeout(LIMIT),
    });
  const { status, headers } = await ask("HEAD", PAGE);
  const { location = "" } = headers;
  const tag = /releases\/tag\/([^/?#]+)$/.exec(location)?.[1];
  if (status >= 300 && status < 400 && tag !== undefined) return releaseOf(tag, location);
  const answer = await ask("GET", LISTING);
  if (answer.status !== 200)
    throw new Error(
      `the request for the list of releases was answered with status ${answer.status}`,
    );
  const release = parseRelease(Buffer.from(answer.body).toString());
  return releaseOf(release.tag, release.url);
}

/** @throws {Error} for text that is no release */
function parseRelease(text: string): Release {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("the list of releases is not JSON");
  }
  if (
    typeof value === "object" &&
    value !== null &&
    "tag_name" in value &&
    typeof value.tag_name === "string" &&
    "html_url" in value &&
    typeof value.html_url === "string"
  )
    return { tag: value.tag_name, url: value.html_url };
  throw new Error("the list of releases is empty");
}

/** @throws {Error} for a tag that is no version */
function releaseOf(tag: string, url: string): Release {
  if (!/^v?\d+\.\d+\.\d+$/.test(tag))
    throw new Error("the name of the latest release is not a version");
  return { tag, url: oneLine(url) };
}

function isNewer(tag: string, than: string): boolean {
  return tag.replace(/^v/, "").localeCompare(than, "en", { numeric: true }) > 0;
}
