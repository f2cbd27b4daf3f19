{{/* What the values of the module machines become: variables, each left out while its value is empty. */}}
{{- define "virt-steward.machines.values" -}}
{{- dict
  "defaultKubevirtConfig" "DEFAULT_KUBEVIRT_CONFIG"
  "vmNamePrefix" "VM_NAME_PREFIX"
  "managedBy" "MANAGED_BY"
  "cpuModel" "CPU_MODEL"
  "macSet" "MAC_SET"
  "nadCniVersion" "NETWORK_ATTACHMENT_DEFINITION_CNI_VERSION"
  "ipSource" "IP_SOURCE"
  "storageClassName" "STORAGE_CLASS_NAME"
  "pvcVolumeMode" "PVC_VOLUME_MODE"
  "pvcAccessMode" "PVC_ACCESS_MODE"
  "secretNamespaces" "MACHINES_SECRET_NAMESPACES"
  "secretNames" "MACHINES_SECRET_NAMES"
  | toJson }}
{{- end }}

{{- define "virt-steward.machines.variables" -}}
KUBEVIRT_CONFIGS_NAMESPACE {{ include "virt-steward.machines.values" . | fromJson | values | sortAlpha | join " " }}
{{- if .Values.machines.legacyPvcCleanup }} LEGACY_PVC_CLEANUP{{ end }}
{{- end }}

{{/* Whether the manager takes away claims of the older operator: by the value, or by the variable, which came first. */}}
{{- define "virt-steward.machines.legacyPvcCleanup" -}}
{{- if or .Values.machines.legacyPvcCleanup (eq (get (.Values.machines.extraEnv | default dict) "LEGACY_PVC_CLEANUP" | toString) "true") }}true{{ end }}
{{- end }}

{{- define "virt-steward.machines.arguments" }}{{ end }}

{{- define "virt-steward.machines.environment" }}
- name: KUBEVIRT_CONFIGS_NAMESPACE
  {{- with .Values.machines.configsNamespace }}
  value: {{ . | quote }}
  {{- else }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
  {{- end }}
{{- range $key, $name := include "virt-steward.machines.values" . | fromJson }}
{{- with index $.Values.machines $key }}
- name: {{ $name }}
  value: {{ ternary (. | quote) (join "," . | quote) (kindIs "string" .) }}
{{- end }}
{{- end }}
{{- if .Values.machines.legacyPvcCleanup }}
- name: LEGACY_PVC_CLEANUP
  value: "true"
{{- end }}
{{- include "virt-steward.extraEnvironment" .Values.machines.extraEnv }}
{{- end }}

{{- define "virt-steward.machines.ownKinds" -}}
vitistack.io: [kubevirtconfigs, machines, networkconfigurations]
{{- end }}

{{- define "virt-steward.machines.cleanupRules" }}{{ end }}
{{- define "virt-steward.machines.warnings" }}{{ end }}
{{- define "virt-steward.machines.refusals" }}{{ end }}
