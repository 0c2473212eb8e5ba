{{- /* Every template calls it first: fills in what values that were reused from another chart, or set to null, lack. */}}
{{- define "operator.init" -}}
{{- include "operator.fill" (dict "into" .Values "from" (.Files.Get "files/defaults.yaml" | fromYaml)) }}
{{- end }}

{{- define "operator.fill" -}}
{{- range $name, $default := .from }}
{{- $held := get $.into $name }}
{{- if or (not (hasKey $.into $name)) (kindIs "invalid" $held) }}
{{- $_ := set $.into $name $default }}
{{- else if and (kindIs "map" $held) (kindIs "map" $default) }}
{{- include "operator.fill" (dict "into" $held "from" $default) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "operator.version" -}}
{{- trimPrefix "sopsmith-" .Chart.AppVersion }}
{{- end }}

{{- /* The image in values that were reused from the former chart: it does not know this chart's arguments. */}}
{{- define "operator.isFormerImage" -}}
{{- if hasSuffix "isindir/sops-secrets-operator" .Values.image.repository }}true{{ end }}
{{- end }}

{{- define "operator.image" -}}
{{- $tag := printf "%s%s" (include "operator.version" .) (ternary "-gpg" "" .Values.gpg.enabled) }}
{{- if include "operator.isFormerImage" . }}
{{- printf "sopsmith:%s" $tag }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default $tag (toString .Values.image.tag)) }}
{{- end }}
{{- end }}

{{- define "operator.initImage" -}}
{{- printf "%s:%s" .Values.initImage.repository (default (printf "%s-gpg" (include "operator.version" .)) (toString .Values.initImage.tag)) }}
{{- end }}

{{- define "operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.enabled }}
{{- default (include "operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.enabled is false: name an account that exists" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* The namespaces that are watched, by commas; empty for all. */}}
{{- define "operator.watched" -}}
{{- if .Values.watchNamespaces }}
{{- join "," .Values.watchNamespaces }}
{{- else if .Values.namespaced }}
{{- include "operator.namespace" . }}
{{- end }}
{{- end }}

{{- define "operator.podSecurityContext" -}}
{{- $given := .Values.securityContext }}
{{- if $given.customPodSecurityContext }}
{{- toYaml $given.customPodSecurityContext }}
{{- else }}
{{- $seccomp := dict "type" $given.seccompProfileType }}
{{- if eq $given.seccompProfileType "Localhost" }}
{{- $_ := set $seccomp "localhostProfile" (required "securityContext.seccompProfileName is needed where seccompProfileType is Localhost" $given.seccompProfileName) }}
{{- end }}
{{- $context := dict "runAsNonRoot" $given.runAsNonRoot "seccompProfile" $seccomp }}
{{- range list "runAsUser" "runAsGroup" "fsGroup" }}
{{- if not (kindIs "invalid" (index $given .)) }}
{{- $_ := set $context . (index $given .) }}
{{- end }}
{{- end }}
{{- toYaml $context }}
{{- end }}
{{- end }}

{{- define "operator.containerSecurityContext" -}}
{{- $given := .Values.securityContext.container }}
{{- if $given.customContainerSecurityContext }}
{{- toYaml $given.customContainerSecurityContext }}
{{- else }}
{{- toYaml (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" $given.capabilities) }}
{{- end }}
{{- end }}

{{- define "operator.rules" -}}
- apiGroups: [isindir.github.com]
  resources: [sopssecrets]
  verbs: [get, list, watch]
- apiGroups: [isindir.github.com]
  resources: [sopssecrets/status]
  verbs: [patch]
- apiGroups: [isindir.github.com]
  resources: [sopssecrets/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- define "operator.gcpSecret" -}}
{{- if .Values.gcp.existingSecretName }}
{{- .Values.gcp.existingSecretName }}
{{- else }}
{{- default (printf "%s-gcp" (include "operator.fullname" .)) .Values.gcp.svcAccSecretCustomName }}
{{- end }}
{{- end }}

{{- /* Is there a CustomResourceDefinition that this release did not make? Helm refuses to touch it. */}}
{{- define "operator.crdIsForeign" -}}
{{- $crd := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "sopssecrets.isindir.github.com" }}
{{- if $crd }}
{{- $annotations := default dict $crd.metadata.annotations }}
{{- $isOurs := and (eq (get $annotations "meta.helm.sh/release-name" | toString) .Release.Name) (eq (get $annotations "meta.helm.sh/release-namespace" | toString) .Release.Namespace) }}
{{- if not $isOurs }}true{{ end }}
{{- end }}
{{- end }}
