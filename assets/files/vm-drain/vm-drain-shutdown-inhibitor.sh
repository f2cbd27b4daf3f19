#!/bin/bash
# Holds a shutdown of the node until its guests have shut down.
#
# Takes a delay lock of systemd-logind, waits for its signal PrepareForShutdown, asks every guest to shut down, and releases the lock.
# A guest that fails or does not answer never stops the others; the lock is released on every way out.
set -euo pipefail

readonly PARALLEL=32
readonly POLL_SECONDS="${POLL_SECONDS:-2}"
readonly GUEST_SECONDS="${GUEST_SECONDS:-120}"
readonly CALL_SECONDS="${CALL_SECONDS:-10}"
readonly FIRST_BACKOFF_SECONDS="${FIRST_BACKOFF_SECONDS:-2}"
readonly LAST_BACKOFF_SECONDS="${LAST_BACKOFF_SECONDS:-30}"

lock=""
monitor=""

take_lock() {
  if [[ -n "$lock" ]] && kill -0 "$lock" 2>/dev/null; then return 0; fi
  systemd-inhibit --what=shutdown --mode=delay --who=vm-drain-shutdown-inhibitor \
    --why="virtual machines shut down first" sleep infinity &
  lock=$!
}

# Looks until the holder has ended. The wait of bash may never end when SIGTERM interrupts it, which comes as soon as the lock is gone.
release_lock() {
  if [[ -n "$lock" ]]; then
    kill "$lock" 2>/dev/null || true
    while kill -0 "$lock" 2>/dev/null; do sleep 0.1; done
    lock=""
  fi
}

leave() {
  release_lock
  if [[ -n "$monitor" ]]; then kill "$monitor" 2>/dev/null || true; fi
}
trap leave EXIT
trap 'exit 0' TERM INT

# One line of JSON per signal, until the bus or its monitor goes away.
signals() {
  exec busctl monitor --json=short \
    --match="type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'"
}

virt_launcher_pods() {
  timeout "$CALL_SECONDS" crictl pods --state ready --label kubevirt.io=virt-launcher -o json | jq -r '.items[]?.id'
}

compute_container() {
  timeout "$CALL_SECONDS" crictl ps --state running --pod "$1" --name '^compute$' -o json | jq -r '.containers[0].id // empty'
}

in_container() {
  local container=$1
  shift
  timeout "$CALL_SECONDS" crictl exec "$container" "$@" 2>/dev/null
}

shut_down_guest() {
  local pod=$1 container domain state remaining waited=0
  container=$(compute_container "$pod") || container=""
  if [[ -z "$container" ]]; then
    echo "pod $pod: no running container compute" >&2
    return 1
  fi
  domain=$(in_container "$container" virsh list --name | sed '/^[[:space:]]*$/d' | head -n 1) || domain=""
  if [[ -z "$domain" ]]; then
    echo "pod $pod: no running guest"
    return 0
  fi
  echo "shutting down $domain"
  in_container "$container" virsh shutdown "$domain" >/dev/null || echo "$domain does not take a shutdown" >&2
  while ((waited < GUEST_SECONDS)); do
    # The container ends soon after its guest. A call that fails for another reason says nothing.
    if state=$(in_container "$container" virsh domstate "$domain"); then
      if [[ "$state" == "shut off"* ]]; then break; fi
    elif remaining=$(compute_container "$pod") && [[ -z "$remaining" ]]; then
      break
    fi
    sleep "$POLL_SECONDS"
    waited=$((waited + POLL_SECONDS))
  done
  if ((waited >= GUEST_SECONDS)); then
    echo "$domain still runs after $GUEST_SECONDS s" >&2
    return 1
  fi
  echo "$domain has shut down"
}

drain() {
  local pod guest
  local -a pods=() guests=() running=()
  mapfile -t pods < <(virt_launcher_pods || echo "cannot list the pods of virtual machines" >&2)
  for pod in "${pods[@]}"; do
    while ((${#guests[@]} >= PARALLEL)); do
      wait -n "${guests[@]}" || true
      running=()
      for guest in "${guests[@]}"; do
        if kill -0 "$guest" 2>/dev/null; then running+=("$guest"); fi
      done
      guests=("${running[@]}")
    done
    shut_down_guest "$pod" &
    guests+=($!)
  done
  for guest in "${guests[@]}"; do wait "$guest" || true; done
  echo "asked ${#pods[@]} guests to shut down"
}

backoff=$FIRST_BACKOFF_SECONDS
while true; do
  take_lock
  exec 3< <(signals)
  monitor=$!
  while read -r line <&3; do
    case "$(jq -r 'select(.member == "PrepareForShutdown") | .payload.data[0]' <<<"$line" 2>/dev/null || true)" in
      true)
        drain
        release_lock
        ;;
      false) take_lock ;; # the shutdown was called off
    esac
    backoff=$FIRST_BACKOFF_SECONDS
  done
  exec 3<&-
  wait "$monitor" 2>/dev/null || true
  monitor=""
  echo "lost the bus, trying again in $backoff s" >&2
  sleep "$backoff"
  backoff=$((backoff * 2 > LAST_BACKOFF_SECONDS ? LAST_BACKOFF_SECONDS : backoff * 2))
done
