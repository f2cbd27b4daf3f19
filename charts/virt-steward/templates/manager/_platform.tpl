{{/* What the values of the module platform become. */}}
{{- define "virt-steward.platform.arguments" }}
- --platform-activation={{ .Values.platform.activation }}
{{- end }}

{{/* Of the image of a workload that an asset deploys, by its key. */}}
{{- define "virt-steward.platform.imageVariable" -}}
RELATED_IMAGE_{{ . | upper | replace "-" "_" }}
{{- end }}

{{- define "virt-steward.platform.variables" }}
{{- $names := list }}
{{- range $key, $_ := .Values.platform.images }}{{ $names = append $names (include "virt-steward.platform.imageVariable" $key) }}{{ end }}
{{- join " " $names }}
{{- end }}

{{- define "virt-steward.platform.environment" }}
{{- range $key, $image := .Values.platform.images }}
- name: {{ include "virt-steward.platform.imageVariable" $key }}
  value: {{ $image | quote }}
{{- end }}
{{- include "virt-steward.extraEnvironment" .Values.platform.extraEnv }}
{{- end }}

{{- define "virt-steward.platform.ownKinds" }}{{ end }}

{{- define "virt-steward.platform.cleanupRules" }}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [virt-steward-platform-status]
  verbs: [get, delete]
{{- end }}

{{- define "virt-steward.platform.warnings" -}}
platform.enabled: it changes the configuration of the cluster and can reboot nodes.
{{- end }}

{{- define "virt-steward.platform.refusals" }}
{{- $names := splitList " " (include "virt-steward.platform.variables" .) }}
{{- if ne (len $names) (len (uniq $names)) }}
{{- include "virt-steward.fail" (printf "platform.images has two keys that become the same variable, among %s; name each image once" (join ", " $names)) }}
{{- end }}
{{- end }}
