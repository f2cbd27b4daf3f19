#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The first process of a node: `node.sh STATE DEBIAN PROGRAM`, in mount, PID, network and UTS namespaces of its own.
#   STATE    folder with the node's configuration; its data and logs go there too
#   DEBIAN   root folder of the unpacked Debian packages
#   PROGRAM  the multi-call binary with kubelet, kube-proxy and coredns
#
# Owns: /run and /var of this node, which nobody else sees. When it ends, for whatever reason, the kernel ends everything in its PID
# namespace, the containers included, and takes the mounts away.
set -euo pipefail
state=$1 debian=$2 program=$3

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/steward/{state,debian} /run/lock
touch /run/steward/program
mount --bind "$state" /run/steward/state
mount --bind "$debian" /run/steward/debian
mount --bind "$program" /run/steward/program
mkdir -p "$state"/var/{lib,log,run,tmp}
mount --bind /run/steward/state/var /var
mount --make-rshared /
cd /run/steward/state

libraries=$(printf '%s:' /run/steward/debian/{lib,usr/lib}/*-linux-gnu)
# A wrapper, not an exported variable: containers and CNI plugins must not load these libraries.
mkdir /run/steward/bin
for tool in usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/sbin/nft; do
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec /run/steward/debian/%s "$@"\n' "${libraries%:}" "$tool" >"/run/steward/bin/${tool##*/}"
done
chmod 0755 /run/steward/bin/*
export PATH=/run/steward/bin:$PATH

containerd --config containerd.toml >containerd.log 2>&1 &
until ctr version >ctr.log 2>&1; do
  kill -0 $! || exit 1
  sleep 0.1
done
for image in images/*.tar; do
  ctr --namespace k8s.io images import --all-platforms "$image" >>ctr.log 2>&1 || ctr --namespace k8s.io images import "$image" >>ctr.log 2>&1
done
/run/steward/program kubelet --config=kubelet.yaml --kubeconfig=kubelet.kubeconfig --hostname-override="$(hostname)" \
  --node-ip="$(cat address)" --cert-dir=/run/steward/kubelet-pki >kubelet.log 2>&1 &
/run/steward/program kube-proxy --config=kube-proxy.yaml --hostname-override="$(hostname)" >kube-proxy.log 2>&1 &
/run/steward/program coredns -conf=Corefile >coredns.log 2>&1 &
wait -n
echo "a program of the node has ended" >&2
exit 1
