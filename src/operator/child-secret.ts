import {
  GROUP,
  isObject,
  KIND,
  OWNER_LABEL,
  parseSecret,
  type ChildKind,
  type JsonObject,
  type ManagedFields,
  type OwnerReference,
  type Secret,
} from "../k8s/sops-secret.ts";
import { secretOf, type Child, type Owner } from "./build.ts";
import { FIELD_MANAGER, type PatchStep } from "./cluster.ts";
import { statusTexts, type Problem } from "./texts.ts";

/** Annotation with the value `true` that lets the operator take an existing Secret over. */
const MANAGED_ANNOTATION = "sopssecret/managed";

/** Managers under which the reference operator wrote: the name of its binary. */
const REFERENCE_MANAGERS = new Set(["manager", "sops-secrets-operator"]);

const SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token";

/** What has to be done to a child, decided from what was seen alone. */
export type ChildAction =
  | { readonly kind: "none" }
  | { readonly kind: "create" }
  | { readonly kind: "apply"; readonly isTakeOver: boolean; readonly first: readonly PatchStep[] }
  | { readonly kind: "recreate" }
  | { readonly kind: "refuse"; readonly problem: Problem };

export interface ChildSettings {
  /** Take over Secrets that belong to nobody alive. */
  readonly enforce: boolean;
  /** Whether the SopsSecret that controls the Secret now is there; only asked for when it is another one. */
  readonly isOtherAlive: boolean;
  readonly recreate: "owned" | "never";
}

export const controllerOf = (secret: Secret): OwnerReference | undefined =>
  secret.metadata.ownerReferences?.find(({ controller }) => controller === true);

/** Who has a Secret, and whether it is offered to us: while this stays, so does a refusal to take it. */
export const ownershipOf = (secret: Secret): string =>
  `${controllerOf(secret)?.uid ?? ""} ${isOffered(secret)}`;

const isOffered = ({ metadata }: Secret): boolean =>
  metadata.annotations?.[MANAGED_ANNOTATION] === "true";

/** The other SopsSecret that controls a Secret, if it is one. */
export function otherController(secret: Secret, owner: Owner): OwnerReference | undefined {
  const controller = controllerOf(secret);
  const isOther =
    controller !== undefined &&
    controller.uid !== owner.uid &&
    controller.kind === KIND &&
    controller.apiVersion.startsWith(`${GROUP}/`);
  return isOther ? controller : undefined;
}

/** Decides what to do with the Secret of a template (spec kubernetes 4.2 to 4.5). */
export function decideChild(
  child: Child,
  observed: Secret | undefined,
  owner: Owner,
  settings: ChildSettings,
): ChildAction {
  if (observed === undefined) return { kind: "create" };
  const { metadata } = observed;
  const controller = controllerOf(observed);
  const isOurs = controller?.uid === owner.uid;
  if (!isOurs && !isOffered(observed) && !settings.enforce)
    return refuse(
      "OwnershipConflict",
      `the ${child.kind} ${child.name} already exists and was not made by this operator: delete it, or annotate it with ${MANAGED_ANNOTATION}="true", or set enforceOwnership`,
      statusTexts.notOwned,
    );
  const other = otherController(observed, owner);
  if (other !== undefined && settings.isOtherAlive)
    return refuse(
      "OwnershipConflict",
      `the ${child.kind} ${child.name} belongs to the SopsSecret ${other.name}: remove the template from one of the two`,
      statusTexts.notOwned,
    );
  const desired = secretOf(child, metadata.namespace ?? "", owner);
  const isSameData = hasSameData(desired, observed);
  const isFrozen = observed.immutable === true && !(isSameData && child.isImmutable);
  if (observed.type !== desired.type || isFrozen) {
    if (isOurs && settings.recreate === "owned") return { kind: "recreate" };
    const what = observed.type === desired.type ? "it is immutable" : "its type cannot be changed";
    return refuse(
      "ImmutableField",
      `the ${child.kind} ${child.name} must be recreated, because ${what}: delete it`,
      statusTexts.update,
    );
  }
  const first = isOurs ? takeFields(observed) : takeOver(observed);
  const isSame =
    isOurs &&
    first.length === 0 &&
    isSameData &&
    observed.immutable === desired.immutable &&
    hasAll(metadata.labels, desired.metadata.labels) &&
    hasAll(metadata.annotations, desired.metadata.annotations) &&
    isSameReference(controller, desired) &&
    !hasStale(observed, desired);
  return isSame ? { kind: "none" } : { kind: "apply", isTakeOver: !isOurs, first };
}

function refuse(reason: Problem["reason"], message: string, text: Problem["text"]): ChildAction {
  return { kind: "refuse", problem: { reason, message, text, isStalled: true } };
}

/** Data keys that are there and not wanted. Tokens of service accounts have keys of the cluster's own. */
export function foreignData(desired: Secret, observed: Secret): string[] {
  if (desired.type === SERVICE_ACCOUNT_TOKEN) return [];
  return Object.keys(observed.data ?? {}).filter((key) => !Object.hasOwn(desired.data ?? {}, key));
}

function hasSameData(desired: Secret, observed: Secret): boolean {
  return (
    foreignData(desired, observed).length === 0 &&
    Object.entries(desired.data ?? {}).every(([key, value]) => {
      const held = Object.hasOwn(observed.data ?? {}, key) ? observed.data?.[key] : undefined;
      return held !== undefined && Buffer.from(held, "base64").equals(Buffer.from(value, "base64"));
    })
  );
}

const hasAll = (held: Record<string, string> = {}, wanted: Record<string, string> = {}): boolean =>
  Object.entries(wanted).every(([key, value]) => Object.hasOwn(held, key) && held[key] === value);

function isSameReference(held: OwnerReference | undefined, desired: Secret): boolean {
  const [wanted] = desired.metadata.ownerReferences ?? [];
  return (
    held?.apiVersion === wanted?.apiVersion &&
    held?.name === wanted?.name &&
    held?.blockOwnerDeletion === wanted?.blockOwnerDeletion
  );
}

/** Is there a label or an annotation that we applied and do not want any more? */
function hasStale({ metadata }: Secret, desired: Secret): boolean {
  const fields = ownFields(metadata.managedFields ?? [])?.fieldsV1?.["f:metadata"];
  const owned = (name: string): string[] => {
    const map = isObject(fields) ? fields[name] : undefined;
    return isObject(map)
      ? Object.keys(map).flatMap((key) => (key.startsWith("f:") ? [key.slice(2)] : []))
      : [];
  };
  return (
    owned("f:labels").some((key) => !Object.hasOwn(desired.metadata.labels ?? {}, key)) ||
    owned("f:annotations").some((key) => !Object.hasOwn(desired.metadata.annotations ?? {}, key))
  );
}

const ownFields = (all: readonly ManagedFields[]): ManagedFields | undefined =>
  all.find(({ manager, operation }) => manager === FIELD_MANAGER && operation === "Apply");

/** Makes the fields of the reference operator ours, so that what it set and we do not want goes with the next apply. */
function takeFields({ metadata }: Secret): PatchStep[] {
  const all = metadata.managedFields ?? [];
  const isReference = ({ manager = "", operation }: ManagedFields): boolean =>
    operation === "Update" && REFERENCE_MANAGERS.has(manager);
  if (!all.some(isReference)) return [];
  let isTaken = ownFields(all) !== undefined;
  const fields = all.flatMap((entry) => {
    if (!isReference(entry)) return [entry];
    if (isTaken) return [];
    isTaken = true;
    return [{ ...entry, manager: FIELD_MANAGER, operation: "Apply" }];
  });
  return [
    { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: fields },
  ];
}

/** Drops the previous controller: two are refused, and apply merges references by uid. The offer is used up. */
function takeOver(observed: Secret): PatchStep[] {
  const { metadata } = observed;
  const steps: PatchStep[] = [];
  const references = metadata.ownerReferences ?? [];
  if (references.some(({ controller }) => controller === true))
    steps.push({
      op: "replace",
      path: "/metadata/ownerReferences",
      value: references.filter(({ controller }) => controller !== true),
    });
  if (metadata.annotations?.[MANAGED_ANNOTATION] !== undefined)
    steps.push({ op: "remove", path: `/metadata/annotations/${pointer(MANAGED_ANNOTATION)}` });
  const fields = takeFields(observed).filter(({ op }) => op !== "test");
  const all = [...steps, ...fields];
  return all.length === 0
    ? []
    : [{ op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion }, ...all];
}

/** Removes data keys that others added. */
export function removeData(keys: readonly string[], observed: Secret): PatchStep[] {
  return [
    { op: "test", path: "/metadata/resourceVersion", value: observed.metadata.resourceVersion },
    ...keys.map((key): PatchStep => {
      const field = observed.binaryKeys?.includes(key) === true ? "binaryData" : "data";
      return { op: "remove", path: `/${field}/${pointer(key)}` };
    }),
  ];
}

/** A key as a step of a JSON pointer (RFC 6901). */
const pointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** What the operator keeps of a child: never its data. */
export interface ChildMeta {
  readonly kind: ChildKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly controllerUid: string;
  readonly label: string;
}

export function childMeta(kind: ChildKind, object: JsonObject): ChildMeta {
  const secret = parseSecret(object);
  const { namespace = "", name = "", uid = "", resourceVersion = "", labels } = secret.metadata;
  return {
    kind,
    namespace,
    name,
    uid,
    resourceVersion,
    controllerUid: controllerOf(secret)?.kind === KIND ? (controllerOf(secret)?.uid ?? "") : "",
    label: labels?.[OWNER_LABEL] ?? "",
  };
}
