{{/* Arguments of the manager, as a list. An empty value renders nothing, so that the program's default holds. */}}
{{- define "virt-steward.arguments" -}}
- manager
- --modules={{ include "virt-steward.modules" . }}
- --leader-elect={{ .Values.manager.leaderElection }}
- --health-probe-bind-address=:{{ .Values.manager.healthPort }}
{{- if .Values.metrics.enabled }}
- --metrics-bind-address=:{{ .Values.metrics.port }}
- --metrics-secure={{ .Values.metrics.secure }}
{{- else }}
- --metrics-bind-address=0
{{- end }}
- --log-level={{ .Values.manager.logLevel }}
- --log-format={{ .Values.manager.logFormat }}
{{- if .Values.wol.enabled }}
{{- with .Values.wol }}
- --grpc-bind-address=:{{ .grpc.port }}
{{- if .grpc.insecure }}
- --grpc-insecure=true
{{- else }}
- --grpc-tls-mode={{ $.Values.tls.mode }}
{{- with $.Values.tls.existingSecret }}
- --grpc-tls-secret={{ . }}
{{- end }}
{{- range .grpc.extraSans }}
- --grpc-tls-san={{ . }}
{{- end }}
{{- if .grpc.mtls }}
- --grpc-mtls=true
{{- end }}
{{- end }}
{{- range $flag, $value := dict "start-timeout" .startTimeout "dedup-window" .dedupWindow "max-starts-per-minute" .maxStartsPerMinute "max-concurrent-starts" .maxConcurrentStarts }}
{{- if ne (toString $value) "" }}
- --wol-{{ $flag }}={{ $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.platform.enabled }}
- --platform-activation={{ .Values.platform.activation }}
{{- end }}
{{- with .Values.manager.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Names of the variables that the chart sets, so that nobody repeats one. */}}
{{- define "virt-steward.variables" -}}
POD_NAMESPACE AGENT_IMAGE AGENT_IMAGE_PULL_POLICY AGENT_SERVICE_ACCOUNT AGENT_OPERATOR_ADDRESS ALLOWED_AGENT_IMAGES WATCH_NAMESPACES NODE_OPTIONS {{ include "virt-steward.machines.variables" . }}
{{- end }}

{{- define "virt-steward.environment" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NODE_OPTIONS
  value: --max-old-space-size-percentage=70
{{- with .Values.watchNamespaces }}
- name: WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.wol.enabled }}
- name: AGENT_IMAGE
  value: {{ include "virt-steward.image" (list . .Values.agent.image) | quote }}
- name: AGENT_IMAGE_PULL_POLICY
  value: {{ .Values.agent.image.pullPolicy }}
- name: AGENT_SERVICE_ACCOUNT
  value: {{ include "virt-steward.agentServiceAccountName" . }}
- name: AGENT_OPERATOR_ADDRESS
  value: virt-steward-grpc.{{ .Release.Namespace }}.svc:{{ .Values.wol.grpc.port }}
{{- with .Values.agent.allowedImages }}
- name: ALLOWED_AGENT_IMAGES
  value: {{ join "," . | quote }}
{{- end }}
{{- range $name, $value := .Values.wol.extraEnv }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- if .Values.platform.enabled }}
{{- range $name, $image := .Values.platform.images }}
- name: RELATED_IMAGE_{{ $name | upper | replace "-" "_" }}
  value: {{ $image | quote }}
{{- end }}
{{- range $name, $value := .Values.platform.extraEnv }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- include "virt-steward.machines.environment" . }}
{{- with .Values.manager.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
