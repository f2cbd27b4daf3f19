#!/bin/bash
# Lets KSM share pages that hold only zeros, at a pace that fits the size of the node.
#
# A setting that this kernel lacks is passed over with a warning. ROOT is put in front of every path, for tests.
set -euo pipefail

put() {
  local file="${ROOT:-}$1"
  if [[ ! -e "$file" ]]; then
    echo "warning: this kernel has no $1" >&2
  elif ! echo "$2" >"$file"; then
    echo "warning: $1 does not take $2" >&2
  fi
}

memory_gib=$(awk '$1 == "MemTotal:" { print int(($2 + 1048575) / 1048576) }' "${ROOT:-}/proc/meminfo")
sleep_ms=$((25600 / memory_gib))
if ((sleep_ms > 50)); then sleep_ms=50; fi
if ((sleep_ms < 10)); then sleep_ms=10; fi

readonly KSM=/sys/kernel/mm/ksm
put $KSM/redhat_only_zero_pages 1
put $KSM/pages_to_scan 1000
put $KSM/sleep_millisecs "$sleep_ms"
put $KSM/run 1
# A huge page made of mostly missing pages would be split again by KSM. kubevirt-thp-tune.sh follows the same rule.
put /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none 0
