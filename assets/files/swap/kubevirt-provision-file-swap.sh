#!/bin/bash
# Makes the swap file /var/tmp/ocpswap.file, of a given size or as large as the memory that is promised beyond what the node has.
#
# usage: kubevirt-provision-file-swap.sh size=<n>Mi|size=<n>Gi|overcommit=<percent>
# A swap partition makes the file needless. A file that is in use, or that is no plain file, is never touched, and half a file never stays.
# ROOT is put in front of every path, for tests.
set -euo pipefail

readonly MIB=$((1024 * 1024))
readonly FILE="${ROOT:-}/var/tmp/ocpswap.file"

fail() {
  echo "error: $*" >&2
  exit 1
}

wanted_mib() {
  local memory_kib
  if [[ "$1" =~ ^size=([1-9][0-9]{0,8})Mi$ ]]; then
    echo "${BASH_REMATCH[1]}"
  elif [[ "$1" =~ ^size=([1-9][0-9]{0,8})Gi$ ]]; then
    echo "$((BASH_REMATCH[1] * 1024))"
  elif [[ "$1" =~ ^overcommit=([1-9][0-9]{0,3})$ ]]; then
    memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' "${ROOT:-}/proc/meminfo")
    echo "$(((memory_kib * (BASH_REMATCH[1] - 100) / 100 + 1023) / 1024))"
  else
    return 1
  fi
}

is_active() { awk -v file=/var/tmp/ocpswap.file '$1 == file { found = 1 } END { exit !found }' "${ROOT:-}/proc/swaps"; }

is_ready() {
  [[ $(stat -c '%s %a' "$FILE") == "$((size_mib * MIB)) 600" && $(blkid -p -s TYPE -o value "$FILE" 2>/dev/null) == swap ]]
}

(($# == 1)) || fail "got $# arguments; allowed: one of size=<n>Mi, size=<n>Gi, overcommit=<percent>"
size_mib=$(wanted_mib "$1") || fail "argument \"$1\"; allowed: size=<n>Mi, size=<n>Gi, overcommit=<percent>"

if [[ -L "$FILE" ]]; then fail "$FILE is a symbolic link"; fi
if [[ -e "$FILE" && ! -f "$FILE" ]]; then fail "$FILE is no regular file"; fi

if [[ -e "${ROOT:-}/dev/disk/by-partlabel/OCPSWAP" ]]; then
  if [[ -f "$FILE" ]] && ! is_active; then rm -f "$FILE"; fi
  echo "this node has a swap partition"
  exit 0
fi
((size_mib > 0)) || fail "the size comes to $size_mib MiB; allowed: more than 0"
if [[ -f "$FILE" ]] && is_ready; then
  echo "the swap file has its $size_mib MiB already"
  exit 0
fi
if is_active; then fail "$FILE is in use with another size; it changes at a start of the node"; fi
rm -f "$FILE"

free_mib=$(($(stat -f -c '%a * %S' "${ROOT:-}/var/tmp") / MIB))
((free_mib >= 2 * size_mib)) || fail "$free_mib MiB are free in /var/tmp; needed: $((2 * size_mib)), twice the size of the file"

trap 'rm -f "$FILE"' EXIT
(umask 077 && fallocate -l "$((size_mib * MIB))" "$FILE")
chmod 600 "$FILE"
mkswap "$FILE" >/dev/null
trap - EXIT
echo "made a swap file of $size_mib MiB"
