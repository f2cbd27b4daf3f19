{{/* Names and labels that all templates share. A name has at most 40 characters, so that suffixes fit. */}}
{{- define "virt-steward.name" -}}
{{- include "virt-steward.short" (default .Chart.Name .Values.nameOverride) }}
{{- end }}

{{- define "virt-steward.fullname" -}}
{{- $name := include "virt-steward.name" . }}
{{- if .Values.fullnameOverride }}
{{- include "virt-steward.short" .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- include "virt-steward.short" .Release.Name }}
{{- else }}
{{- include "virt-steward.short" (printf "%s-%s" .Release.Name $name) }}
{{- end }}
{{- end }}

{{/* Cut where a name may end, also when the rest of it is left out. */}}
{{- define "virt-steward.short" -}}
{{- trunc 40 . | trimAll "-." }}
{{- end }}

{{/* What never changes over the life of a release. */}}
{{- define "virt-steward.selectorLabels" -}}
app.kubernetes.io/name: virt-steward
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels that the chart sets itself, of a part: (list . "grpc" ["name"]). */}}
{{- define "virt-steward.ownLabels" -}}
{{- $root := index . 0 }}{{ $name := "virt-steward" }}
{{- if gt (len .) 2 }}{{ $name = index . 2 }}{{ end }}
{{- toYaml (dict
  "app.kubernetes.io/name" $name
  "app.kubernetes.io/component" (index . 1)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" "virt-steward"
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
) }}
{{- end }}

{{/* And those of the administrator; no key comes twice. */}}
{{- define "virt-steward.component" -}}
{{- toYaml (merge (include "virt-steward.ownLabels" . | fromYaml) (index . 0).Values.commonLabels) }}
{{- end }}

{{- define "virt-steward.labels" -}}
{{ include "virt-steward.component" (list . "manager") }}
{{- end }}

{{/* Labels and annotations: (list . component [annotations [labels]]). What is meant for this object goes before what is for all. */}}
{{- define "virt-steward.metadata" -}}
{{- $root := index . 0 -}}
{{- $labels := dict }}
{{- if gt (len .) 3 }}{{ $labels = index . 3 }}{{ end -}}
labels:
  {{- toYaml (merge (include "virt-steward.ownLabels" (list $root (index . 1)) | fromYaml) $labels $root.Values.commonLabels) | nindent 2 }}
{{- $own := dict }}
{{- if gt (len .) 2 }}{{ $own = index . 2 }}{{ end }}
{{- with merge (dict) $own $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "virt-steward.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (printf "%s-manager" (include "virt-steward.fullname" .)) }}
{{- end }}

{{- define "virt-steward.agentServiceAccountName" -}}
{{- .Values.agent.serviceAccount.name | default (printf "%s-wol-agent" (include "virt-steward.fullname" .)) }}
{{- end }}

{{/* Reference of an image: (list . .Values.image). */}}
{{- define "virt-steward.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 }}
{{- $registry := $image.registry | default ($root.Values.global).imageRegistry }}
{{- if $registry }}{{ $registry }}/{{ end }}{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- if $image.digest }}@{{ $image.digest }}{{ end }}
{{- end }}

{{- define "virt-steward.pullSecrets" -}}
{{- with concat ((.Values.global).imagePullSecrets | default list) .Values.imagePullSecrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* "true" on OpenShift, else empty. */}}
{{- define "virt-steward.openshift" -}}
{{- if kindIs "bool" .Values.openshift.enabled }}{{ if .Values.openshift.enabled }}true{{ end }}
{{- else if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}true{{ end }}
{{- end }}

{{/* "true" when objects of an API may be rendered: (list . "cert-manager.io/v1"). */}}
{{- define "virt-steward.hasApi" -}}
{{- $root := index . 0 }}
{{- if or (ne $root.Values.missingApis "skip") ($root.Capabilities.APIVersions.Has (index . 1)) }}true{{ end }}
{{- end }}

{{/* How agents and manager trust each other: what the rights of the manager depend on. */}}
{{- define "virt-steward.trust" -}}
{{- if .Values.wol.grpc.insecure }}insecure
{{- else }}{{ .Values.tls.mode }}{{ if .Values.wol.grpc.mtls }}-mtls{{ end }}
{{- end }}
{{- end }}

{{/* Spec of a pod that runs one command of the manager's image: (list . account (list argument...)). */}}
{{- define "virt-steward.commandPod" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ index . 1 | quote }}
restartPolicy: Never
enableServiceLinks: false
securityContext:
  {{- toYaml $root.Values.manager.podSecurityContext | nindent 2 }}
{{- with $root.Values.manager.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $root.Values.manager.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" }}
{{- with index $root.Values.manager $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
containers:
  - name: virt-steward
    image: {{ include "virt-steward.image" (list $root $root.Values.image) | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args:
      {{- toYaml (index . 2) | nindent 6 }}
    env:
      - name: POD_NAMESPACE
        valueFrom:
          fieldRef:
            fieldPath: metadata.namespace
    resources:
      requests:
        cpu: 50m
        memory: 128Mi
      limits:
        memory: 256Mi
    securityContext:
      {{- toYaml $root.Values.manager.securityContext | nindent 6 }}
{{- end }}

{{/* Account, Role and ClusterRole of a hook with their bindings: (list . name component hook rules clusterRules). */}}
{{- define "virt-steward.hookAccount" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}
{{- $metadata := include "virt-steward.metadata" (list $root (index . 2) (dict "helm.sh/hook" (index . 3) "helm.sh/hook-weight" "-5" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded")) -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace | quote }}
  {{- $metadata | nindent 2 }}
{{- include "virt-steward.pullSecrets" $root }}
{{- range $scope, $rules := dict "Role" (index . 4) "ClusterRole" (index . 5) }}
{{- if trim $rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}
metadata:
  name: {{ $name }}
  {{- if eq $scope "Role" }}
  namespace: {{ $root.Release.Namespace | quote }}
  {{- end }}
  {{- $metadata | nindent 2 }}
rules:
  {{- $rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}Binding
metadata:
  name: {{ $name }}
  {{- if eq $scope "Role" }}
  namespace: {{ $root.Release.Namespace | quote }}
  {{- end }}
  {{- $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $scope }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $name }}
    namespace: {{ $root.Release.Namespace | quote }}
{{- end }}
{{- end }}
{{- end }}
