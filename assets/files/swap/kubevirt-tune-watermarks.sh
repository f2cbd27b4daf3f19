#!/bin/bash
# Raises the watermarks of memory reclaim above the threshold at which the kubelet evicts pods, so that the kernel swaps first.
#
# Reads the kubelet's evictionHard memory.available, writes vm.watermark_scale_factor. Exits 1 while the kubelet would still come first.
# ROOT is put in front of every path, for tests.
set -euo pipefail

readonly MIB=$((1024 * 1024))
readonly TRIES=5
readonly RETRY_SECONDS="${RETRY_SECONDS:-10}"
readonly MIN_SCALE=10 MAX_SCALE=1000

warn() { echo "warning: $*" >&2; }
fail() {
  echo "error: $*" >&2
  exit 1
}

kubelet_configuration() {
  local file attempt
  for ((attempt = 1; attempt <= TRIES; attempt++)); do
    for file in /var/lib/kubelet/config.json /var/lib/kubelet/config.yaml /etc/kubernetes/kubelet.conf; do
      if [[ -r "${ROOT:-}$file" ]]; then
        echo "${ROOT:-}$file"
        return 0
      fi
    done
    if ((attempt < TRIES)); then sleep "$RETRY_SECONDS"; fi
  done
  return 1
}

# evictionHard as "key: value" lines, from JSON, from a YAML block or from a YAML flow map.
eviction_hard() {
  local text
  if grep -q '^[[:space:]]*{' "$1"; then
    text=$(tr -d '\n\r' <"$1" | sed -n 's/.*"evictionHard"[[:space:]]*:[[:space:]]*{\([^}]*\)}.*/\1/p')
    tr ',' '\n' <<<"$text"
  else
    awk '
      /^evictionHard:[[:space:]]*[{]/ { sub(/^[^{]*[{]/, ""); sub(/[}].*/, ""); gsub(/,/, "\n"); print; next }
      /^evictionHard:/ { inside = 1; next }
      inside && /^[^[:space:]#]/ { inside = 0 }
      inside { print }
    ' "$1"
  fi
}

# The value of memory.available; 100Mi, which is the kubelet's own default, when it is not set.
eviction_threshold() {
  local value
  value=$(eviction_hard "$1" | sed -n 's/^[[:space:]]*["\x27]\{0,1\}memory\.available["\x27]\{0,1\}[[:space:]]*:[[:space:]]*//p' | head -n 1)
  value=${value%%#*}
  value=$(tr -d "\"' \t" <<<"$value")
  echo "${value:-100Mi}"
}

# $1 = quantity, $2 = bytes of memory, for percentages.
bytes_of() {
  awk -v quantity="$1" -v total="$2" 'BEGIN {
    if (quantity !~ /^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T|%)?$/) exit 1
    number = quantity; sub(/[^0-9.]+$/, "", number)
    unit = quantity; sub(/^[0-9.]+/, "", unit)
    factor["" ] = 1; factor["%"] = total / 100
    factor["Ki"] = 1024; factor["Mi"] = 1024 ^ 2; factor["Gi"] = 1024 ^ 3; factor["Ti"] = 1024 ^ 4
    factor["k"] = 1000; factor["M"] = 1000 ^ 2; factor["G"] = 1000 ^ 3; factor["T"] = 1000 ^ 4
    printf "%.0f\n", number * factor[unit]
  }'
}

page_bytes() {
  local size
  size=$(awk '$1 == "KernelPageSize:" { print $2 * 1024; exit }' "${ROOT:-}/proc/self/smaps" 2>/dev/null || true)
  echo "${size:-4096}"
}

# $1 = min, low or managed: pages of that kind over all zones, in bytes.
zone_bytes() {
  awk -v name="$1" -v page="$PAGE_BYTES" '$1 == name { pages += $2 } END { printf "%.0f\n", pages * page }' "${ROOT:-}/proc/zoneinfo"
}

config=$(kubelet_configuration) || fail "no configuration of the kubelet after $TRIES tries"
PAGE_BYTES=$(page_bytes)
memory=$(awk '$1 == "MemTotal:" { printf "%.0f\n", $2 * 1024 }' "${ROOT:-}/proc/meminfo")
threshold=$(eviction_threshold "$config")
eviction=$(bytes_of "$threshold" "$memory") || fail "memory.available in $config is \"$threshold\", which is no quantity"

min=$(zone_bytes min)
low=$(zone_bytes low)
managed=$(zone_bytes managed)
((managed > 0)) || fail "${ROOT:-}/proc/zoneinfo names no managed pages"

runway=$((memory / 100))
if ((runway < 256 * MIB)); then runway=$((256 * MIB)); fi
target=$((eviction + runway))
echo "eviction at $((eviction / MIB)) MiB; reclaim starts at $((low / MIB)) MiB, wanted $((target / MIB)) MiB"
if ((low >= target)); then exit 0; fi
if ((min >= eviction)); then warn "the least free memory of the kernel is above the eviction threshold"; fi

scale=$(((target - min) * 10000 / managed))
if ((scale < MIN_SCALE || scale > MAX_SCALE)); then
  wanted=$scale
  scale=$((scale < MIN_SCALE ? MIN_SCALE : MAX_SCALE))
  warn "vm.watermark_scale_factor would be $wanted; allowed: $MIN_SCALE to $MAX_SCALE, using $scale"
fi
echo "$scale" >"${ROOT:-}/proc/sys/vm/watermark_scale_factor"
echo "vm.watermark_scale_factor is $scale"

low=$(zone_bytes low)
if ((low <= eviction)); then fail "reclaim starts at $((low / MIB)) MiB, still not above eviction"; fi
