/**
 * What a cluster leaves in the kernel when its process is killed: control groups and, by their names, a bridge and network namespaces.
 *
 * Owns: finding and removing them. Never: touches what belongs to a process that runs, or anything without our name.
 * Everything else of a node (processes, containers, mounts, firewall rules) lives in its namespaces and ends with them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';
const PREFIX = 'virt-steward-node-';

/** Name of the control group of a node of this process, without a slash. */
export function cgroupName(node: string): string {
  return `${PREFIX}${process.pid}-${node}`;
}

/** Makes the group in every hierarchy; kubelet insists that it is there. */
export function makeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, name), { recursive: true });
}

/** Removes the group with those below it; those that still hold a process stay. @returns whether nothing is left. */
export function removeCgroup(name: string): boolean {
  const folders = hierarchies().map((hierarchy) => join(hierarchy, name));
  folders.forEach(removeBelow);
  return !folders.some((folder) => existsSync(folder));
}

/** Removes what clusters of processes that are gone have left. @returns the names of what was removed. */
export function removeLeftovers(): string[] {
  const groups = new Set(hierarchies().flatMap((hierarchy) => readdirSync(hierarchy)));
  const stale = [...groups].filter((name) => name.startsWith(PREFIX) && !isRunning(Number(name.slice(PREFIX.length).split('-')[0])));
  for (const name of stale) removeCgroup(name);
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const links = readdirSync('/sys/class/net').filter((name) => /^vs\d+x\d+$/.test(name));
  const staleNamespaces = namespaces.filter((name) => /^vs\d+x\d+-/.test(name) && !hasOwner(name));
  const staleLinks = links.filter((name) => !hasOwner(name));
  for (const name of staleNamespaces) execFileSync('ip', ['netns', 'del', name]);
  for (const name of staleLinks) execFileSync('ip', ['link', 'del', name]);
  return [...stale, ...staleNamespaces, ...staleLinks];
}

/** Version 1 has a folder for each controller, version 2 is one. */
function hierarchies(): string[] {
  if (existsSync(join(CGROUPS, 'cgroup.controllers'))) return [CGROUPS];
  return readdirSync(CGROUPS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(CGROUPS, name));
}

function removeBelow(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) removeBelow(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}

/** Labs are named after the last five digits of their process' number. */
function hasOwner(lab: string): boolean {
  const digits = Number(/^vs(\d+)x/.exec(lab)?.[1]);
  return readdirSync('/proc').some((entry) => /^\d+$/.test(entry) && Number(entry) % 100_000 === digits);
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
