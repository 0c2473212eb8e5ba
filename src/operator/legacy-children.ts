import { isObject, OWNER_LABEL } from "../k8s/sops-secret.ts";
import type { Api } from "./api.ts";
import { childMeta, type ChildMeta } from "./child-secret.ts";
import { childrenPath } from "./cluster.ts";

/**
 * Secrets that a SopsSecret controls and that do not have our label: the reference operator made them.
 *
 * @param namespace "" for all
 * @throws {ApiError | Unreachable}
 */
export async function* legacyChildren(
  api: Api,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<ChildMeta> {
  let next = "";
  do {
    const page = await api.request({
      method: "GET",
      path: childrenPath("Secret", namespace),
      query: {
        limit: "500",
        labelSelector: `!${OWNER_LABEL}`,
        ...(next === "" ? {} : { continue: next }),
      },
      accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    });
    for (const item of Array.isArray(page["items"]) ? page["items"] : []) {
      const child = isObject(item) ? childMeta("Secret", item) : undefined;
      if (child !== undefined && child.controllerUid !== "") yield child;
    }
    const { metadata } = page;
    next =
      isObject(metadata) && typeof metadata["continue"] === "string" ? metadata["continue"] : "";
  } while (next !== "" && !signal.aborted);
}
