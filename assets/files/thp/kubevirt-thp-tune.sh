#!/bin/bash
# Huge pages where a program asks for them, collected in the background at a pace that fits the size of the node.
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

readonly THP=/sys/kernel/mm/transparent_hugepage
put $THP/enabled madvise
put $THP/defrag madvise
put $THP/shmem_enabled advise
if [[ -e "${ROOT:-}$THP/shrink_underused" ]]; then put $THP/shrink_underused 0; fi
put $THP/khugepaged/pages_to_scan 130000
put $THP/khugepaged/scan_sleep_millisecs "$((1000 + 64000 / memory_gib))"

# Where KSM runs, a huge page made of mostly missing pages would be split again. kubevirt-ksm-tune.sh follows the same rule.
if [[ $(cat "${ROOT:-}/sys/kernel/mm/ksm/run" 2>/dev/null || true) == 1 ]]; then
  put $THP/khugepaged/max_ptes_none 0
else
  put $THP/khugepaged/max_ptes_none 511
fi
