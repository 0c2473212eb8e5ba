import type { Manifest } from "./manifest.ts";

/** Kinds without a namespace, by API group: those of Kubernetes itself, and of widely used custom resources. */
const kinds: Readonly<Record<string, string>> = {
  "": "ComponentStatus Namespace Node PersistentVolume",
  "admissionregistration.k8s.io":
    "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
  "apiextensions.k8s.io": "CustomResourceDefinition",
  "apiregistration.k8s.io": "APIService",
  "authentication.k8s.io": "SelfSubjectReview TokenReview",
  "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
  "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
  "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
  "internal.apiserver.k8s.io": "StorageVersion",
  "metrics.k8s.io": "NodeMetrics",
  "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
  "node.k8s.io": "RuntimeClass",
  policy: "PodSecurityPolicy",
  extensions: "PodSecurityPolicy",
  "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
  "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourceSlice",
  "scheduling.k8s.io": "PriorityClass",
  "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
  "storagemigration.k8s.io": "StorageVersionMigration",

  "argoproj.io": "ClusterAnalysisTemplate ClusterWorkflowTemplate",
  "cert-manager.io": "ClusterIssuer",
  "cilium.io":
    "CiliumBGPClusterConfig CiliumClusterwideEnvoyConfig CiliumClusterwideNetworkPolicy CiliumIdentity CiliumLoadBalancerIPPool CiliumNode",
  "config.openshift.io":
    "APIServer Authentication Build ClusterOperator ClusterVersion Console DNS FeatureGate Image Infrastructure Ingress Network Node OAuth OperatorHub Project Proxy Scheduler",
  "crd.projectcalico.org": "BGPConfiguration BGPPeer FelixConfiguration GlobalNetworkPolicy IPPool",
  "external-secrets.io": "ClusterExternalSecret ClusterPushSecret ClusterSecretStore",
  "gateway.networking.k8s.io": "GatewayClass",
  "groupsnapshot.storage.k8s.io": "VolumeGroupSnapshotClass VolumeGroupSnapshotContent",
  "karpenter.k8s.aws": "EC2NodeClass",
  "karpenter.sh": "NodeClaim NodePool",
  "keda.sh": "ClusterTriggerAuthentication",
  "kyverno.io": "ClusterCleanupPolicy ClusterPolicy",
  "pkg.crossplane.io":
    "Configuration ConfigurationRevision DeploymentRuntimeConfig Function FunctionRevision Provider ProviderRevision",
  "apiextensions.crossplane.io":
    "CompositeResourceDefinition Composition CompositionRevision EnvironmentConfig",
  "policies.kyverno.io": "GeneratingPolicy ImageValidatingPolicy MutatingPolicy ValidatingPolicy",
  "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy ClusterNetworkPolicy",
  "project.openshift.io": "Project ProjectRequest",
  "projectcalico.org": "GlobalNetworkPolicy GlobalNetworkSet HostEndpoint IPPool",
  "security.openshift.io": "SecurityContextConstraints",
  "snapshot.storage.k8s.io": "VolumeSnapshotClass VolumeSnapshotContent",
  "templates.gatekeeper.sh": "ConstraintTemplate",
  "trust.cert-manager.io": "Bundle",
};

const known = new Set(
  Object.entries(kinds).flatMap(([group, names]) =>
    names.split(" ").map((kind) => `${group}/${kind}`),
  ),
);

/**
 * Tells which manifests are of a kind without a namespace: by the CustomResourceDefinitions among the manifests, else by a table
 * of widely used kinds. A kind that neither knows counts as one with a namespace.
 */
export function clusterScope(
  manifests: Iterable<Pick<Manifest, "value" | "kind" | "apiVersion">>,
): (manifest: Pick<Manifest, "kind" | "apiVersion">) => boolean {
  const defined = new Map<string, boolean>();
  for (const { kind, apiVersion, value } of manifests) {
    if (kind !== "CustomResourceDefinition" || groupOf(apiVersion) !== "apiextensions.k8s.io")
      continue;
    const spec = value.entries.get("spec");
    if (spec?.kind !== "map") continue;
    const [group, scope, names] = ["group", "scope", "names"].map((name) => spec.entries.get(name));
    const defines = names?.kind === "map" ? names.entries.get("kind") : undefined;
    if (group?.kind === "text" && scope?.kind === "text" && defines?.kind === "text")
      defined.set(`${group.value}/${defines.value}`, scope.value === "Cluster");
  }
  return ({ kind, apiVersion }) => {
    const group = groupOf(apiVersion);
    const name = `${group}/${kind}`;
    // Every constraint of Gatekeeper is a kind of its own.
    return defined.get(name) ?? (known.has(name) || group === "constraints.gatekeeper.sh");
  };
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
