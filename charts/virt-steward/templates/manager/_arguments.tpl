{{/*
Arguments and variables of the manager. What is a module's alone stands in a file of its own beside this one, _<module>.tpl, which defines
for it `arguments`, `variables` (names), `environment`, `cleanupRules`, `ownKinds`, `warnings` and `refusals`, empty where there is nothing.
*/}}

{{/* As a list. An empty value renders nothing, so that the program's default holds. */}}
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
{{- include "virt-steward.ofModules" (list . "arguments") }}
{{- with .Values.manager.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Names of the variables that the chart sets, so that nobody repeats one. */}}
{{- define "virt-steward.variables" -}}
POD_NAMESPACE WATCH_NAMESPACES NODE_OPTIONS {{ include "virt-steward.ofModules" (list . "variables") | splitList "\n" | compact | join " " }}
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
{{- include "virt-steward.ofModules" (list . "environment") }}
{{- with .Values.manager.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the modules that are on have to add: (list . part). Each starts with a new line, or is empty. */}}
{{- define "virt-steward.ofModules" -}}
{{- $root := index . 0 }}{{ $part := index . 1 }}
{{- range compact (splitList "," (include "virt-steward.modules" $root)) }}
{{- with include (printf "virt-steward.%s.%s" . $part) $root | trim }}
{{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Variables of a module that have no value of their own: (list extraEnv). */}}
{{- define "virt-steward.extraEnvironment" }}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
