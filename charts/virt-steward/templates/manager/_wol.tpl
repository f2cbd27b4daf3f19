{{/* What the values of the module wol become. */}}
{{- define "virt-steward.wol.arguments" }}
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
- {{ printf "--grpc-tls-san=%s" . | quote }}
{{- end }}
{{- if .grpc.mtls }}
- --grpc-mtls=true
{{- end }}
{{- end }}
{{- range $flag, $value := dict "start-timeout" .startTimeout "dedup-window" .dedupWindow "max-starts-per-minute" .maxStartsPerMinute "max-concurrent-starts" .maxConcurrentStarts }}
{{- if ne (toString $value) "" }}
- --wol-{{ $flag }}={{ kindIs "float64" $value | ternary (int64 $value) $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "virt-steward.wol.variables" -}}
AGENT_IMAGE AGENT_IMAGE_PULL_POLICY AGENT_SERVICE_ACCOUNT AGENT_OPERATOR_ADDRESS ALLOWED_AGENT_IMAGES
{{- end }}

{{- define "virt-steward.wol.environment" }}
- name: AGENT_IMAGE
  value: {{ include "virt-steward.image" (list . .Values.agent.image) | quote }}
- name: AGENT_IMAGE_PULL_POLICY
  value: {{ .Values.agent.image.pullPolicy }}
- name: AGENT_SERVICE_ACCOUNT
  value: {{ include "virt-steward.agentServiceAccountName" . | quote }}
- name: AGENT_OPERATOR_ADDRESS
  value: virt-steward-grpc.{{ .Release.Namespace }}.svc:{{ .Values.wol.grpc.port }}
{{- with .Values.agent.allowedImages }}
- name: ALLOWED_AGENT_IMAGES
  value: {{ join "," . | quote }}
{{- end }}
{{- include "virt-steward.extraEnvironment" .Values.wol.extraEnv }}
{{- end }}

{{/* Kinds of ours that the module brings, by their group. */}}
{{- define "virt-steward.wol.ownKinds" -}}
wol.pillon.org: [wolconfigs]
{{- end }}

{{/* What `virt-steward cleanup` does with what the module has made. */}}
{{- define "virt-steward.wol.cleanupRules" }}
- apiGroups: [apps]
  resources: [daemonsets]
  verbs: [list, delete]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [virt-steward-grpc-tls, virt-steward-grpc-ca, virt-steward-wol-agent-tls]
  verbs: [get, delete]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [virt-steward-grpc-ca]
  verbs: [get, delete]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [virt-steward-learned-macs-0, virt-steward-learned-macs-1, virt-steward-learned-macs-2, virt-steward-learned-macs-3]
  verbs: [get]
{{- end }}

{{- define "virt-steward.wol.warnings" }}
{{- if .Values.wol.grpc.insecure }}
wol.grpc.insecure: anybody who reaches the manager can start virtual machines.
{{- end }}
{{- end }}

{{- define "virt-steward.wol.refusals" }}
{{- $v := .Values }}
{{- if and (not $v.agent.serviceAccount.create) (not $v.agent.serviceAccount.name) }}
{{- include "virt-steward.fail" "agent.serviceAccount.create is false and no account is named; set agent.serviceAccount.name" }}
{{- end }}
{{- if and $v.wol.grpc.mtls $v.wol.grpc.insecure }}
{{- include "virt-steward.fail" "wol.grpc.mtls and wol.grpc.insecure exclude each other; set one of them to false" }}
{{- end }}
{{- end }}
