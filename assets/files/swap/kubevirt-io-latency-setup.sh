#!/bin/bash
# Gives the disks behind swap and behind the root file system a latency target: system services first, pods second.
#
# Writes run-time drop-ins of systemd only, so that nothing is left after a restart. ROOT is put in front of every path, for tests.
set -euo pipefail

readonly SYSTEM_TARGET=5ms
readonly PODS_TARGET=50ms

# Whole disks below one sysfs block device: through device mapper and RAID to what they are made of, from partitions to their disk.
disks_of() {
  local device=$1 slave
  if compgen -G "$device/slaves/*" >/dev/null; then
    for slave in "$device"/slaves/*; do disks_of "$(readlink -f "$slave")"; done
  elif [[ -e "$device/partition" ]]; then
    basename "$(dirname "$device")"
  else
    basename "$device"
  fi
}

swap_disks() {
  local path kind name
  while read -r path kind _; do
    [[ "$kind" == partition && "$path" != /dev/zram* ]] || continue
    name=$(basename "$(readlink -f "${ROOT:-}$path")")
    if [[ -e "${ROOT:-}/sys/class/block/$name" ]]; then
      disks_of "$(readlink -f "${ROOT:-}/sys/class/block/$name")"
    else
      echo "warning: swap $path is no block device that the kernel lists" >&2
    fi
  done < <(tail -n +2 "${ROOT:-}/proc/swaps")
}

# The root of an image-based system is an overlay without a device; its files lie on /sysroot.
root_disks() {
  local place number
  for place in / /sysroot; do
    number=$(awk -v place="$place" '$5 == place { number = $3 } END { print number }' "${ROOT:-}/proc/self/mountinfo")
    if [[ -n "$number" && -e "${ROOT:-}/sys/dev/block/$number" ]]; then
      disks_of "$(readlink -f "${ROOT:-}/sys/dev/block/$number")"
      return 0
    fi
  done
}

write_drop_in() {
  local slice=$1 target=$2 disk
  local folder="${ROOT:-}/run/systemd/system/$slice.slice.d"
  mkdir -p "$folder"
  {
    echo "[Slice]"
    for disk in "${disks[@]}"; do echo "IODeviceLatencyTargetSec=/dev/$disk $target"; done
  } >"$folder/20-io-latency.conf"
}

mapfile -t disks < <({
  swap_disks
  root_disks
} | sort -u)
if ((${#disks[@]} == 0)); then
  echo "warning: found no disk behind swap or the root file system" >&2
  exit 0
fi
write_drop_in system "$SYSTEM_TARGET"
write_drop_in kubepods "$PODS_TARGET"
systemctl daemon-reload
echo "latency targets set for: ${disks[*]}"
