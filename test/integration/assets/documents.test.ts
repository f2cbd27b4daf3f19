import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startControlPlane } from '../../../hack/control-plane';
import { kubectlBinary } from '../../../hack/tools/kubectl';
import type { JsonMap } from '../../../src/platform/json';
import { applyUserPatch } from '../../../src/platform/overrides/apply-patch';
import { parseExclusions } from '../../../src/platform/overrides/exclusions';
import { parseIgnoredFields, withoutFields } from '../../../src/platform/overrides/ignored-fields';
import { CatalogCluster, pathOf, renderedObjects } from '../../harness/catalog-cluster';
import { CURRENT_CRDS } from '../../harness/catalog-crds';
import { anHco, CATALOG } from '../../harness/catalog-sample';
import { SELF_NODE_REMEDIATION, switchedOn } from '../../harness/catalog-samples';
import { MAIN, ROOT } from '../../harness/steward-cluster';

const DOMAIN = 'platform.kubevirt.io/';
const RUNBOOKS = globSync('docs/runbooks/VirtPlatform*.md', { cwd: ROOT }).sort();
const GUIDES = ['docs/platform/user-guide.md', 'docs/migration/platform.md'];
const DOCUMENTS = [...GUIDES, ...RUNBOOKS];
const SAMPLE = { anchor: anHco(switchedOn('loadaware')), objects: [SELF_NODE_REMEDIATION] };

/** Names that say something on the anchor and that no asset reads. */
const ANCHOR_KEYS = ['autopilot', 'disabled-resources', 'rollout', 'on-removal', 'golden-config'];
/** Names that say something on a managed object. */
const OBJECT_KEYS = ['patch', 'ignore-fields', 'mode', 'reconcile-paused'];

/** What readers of a runbook put in; the guides have real names. */
const PLACEHOLDERS: readonly (readonly [string, string])[] = [
  ['KIND NAME', 'kubedescheduler cluster -n openshift-kube-descheduler-operator'],
  ['/spec/FIELD', '/spec/mode'],
  ['machineconfigpool NAME', 'machineconfigpool worker'],
  ['enable-NAME', 'enable-metallb'],
  ['-n kubevirt-hyperconverged', '-n openshift-cnv'],
];

const filledIn = (block: string): string => PLACEHOLDERS.reduce((text, [from, to]) => text.replaceAll(from, to), block);

/** Blocks of shell commands, in the order of the document; those in lists are indented. */
function blocksOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return [...text.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

describe('commands in the documents of the platform module', () => {
  let cluster: CatalogCluster;
  let kubectl: string;
  /** Folder with `virt-steward`. */
  let programs: string;
  let rendered: JsonMap[];

  before(async function () {
    this.timeout(0);
    kubectl = await kubectlBinary();
    programs = mkdtempSync(join(tmpdir(), 'programs-'));
    writeFileSync(join(programs, 'virt-steward'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, { mode: 0o755 });
    cluster = new CatalogCluster(await startControlPlane({ controllerManager: false }));
    await cluster.install(CURRENT_CRDS);
    rendered = await renderedObjects(SAMPLE);
    for (const object of rendered) {
      const labels = { ...((object['metadata'] as JsonMap)['labels'] as JsonMap | undefined), [`${DOMAIN}managed-by`]: 'virt-steward' };
      await cluster.applied({ ...object, metadata: { ...(object['metadata'] as JsonMap), labels } });
    }
    for (const name of ['virt-steward-system', 'openshift-cnv']) {
      await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    const metadata = { name: 'virt-steward-platform-status', namespace: 'virt-steward-system' };
    await cluster.api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'assets.yaml': '- a', 'conditions.yaml': '- c' } });
    await cluster.api.apply(olderOperator());
    await cluster.applied({
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfigPool',
      metadata: { name: 'worker' },
      spec: {},
    });
  });

  after(async () => {
    if (programs !== undefined) rmSync(programs, { recursive: true });
    await cluster?.controlPlane.stop();
  });

  async function run(script: string): Promise<string> {
    const env = {
      PATH: `${programs}:${dirname(kubectl)}:${process.env['PATH']}`,
      HOME: '/nonexistent',
      KUBECONFIG: cluster.controlPlane.kubeconfigPath,
    };
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], { env, timeout: 60_000 });
    return stdout;
  }

  /** Of every object of the catalog that has one, the annotation of that name. */
  async function annotated(name: string): Promise<{ object: JsonMap; value: string }[]> {
    const found: { object: JsonMap; value: string }[] = [];
    for (const object of rendered) {
      const { body } = await cluster.controlPlane.request({ path: pathOf(object) });
      const { annotations = {} } = (body as { metadata: { annotations?: Record<string, string> } }).metadata;
      const value = annotations[`${DOMAIN}${name}`];
      if (value !== undefined) found.push({ object, value });
      const strange = Object.keys(annotations).filter((key) => key.startsWith(DOMAIN) && !isKnown(key.slice(DOMAIN.length), object));
      expect(strange, 'annotations that nothing reads').to.deep.equal([]);
    }
    return found;
  }

  for (const path of DOCUMENTS) {
    for (const [index, block] of blocksOf(path).entries()) {
      it(`${path}, block ${index + 1}: ${block.split('\n')[0]}`, async () => {
        const output = await run(path.includes('runbooks') ? filledIn(block) : block);
        if (GUIDES.includes(path) && /^(kubectl get (?!events)|virt-steward render)/m.test(block)) expect(output).not.to.equal('');
        for (const { object, value } of await annotated('patch')) {
          const outcome = applyUserPatch(object, value);
          expect(outcome.kind, JSON.stringify(outcome)).to.equal('patched');
        }
        for (const { object, value } of await annotated('ignore-fields')) {
          const fields = parseIgnoredFields(value);
          expect(fields.problems).to.deep.equal([]);
          expect(withoutFields(object, fields).object).not.to.deep.equal(object);
        }
        for (const { value } of await annotated('disabled-resources')) {
          expect(parseExclusions(value)).to.deep.include({ problems: [] });
        }
      });
    }
  }

  it('leave every way to override out of no document', () => {
    const text = GUIDES.map((path) => readFileSync(join(ROOT, path), 'utf8')).join('\n');
    for (const key of [...ANCHOR_KEYS, ...OBJECT_KEYS]) expect(text).to.contain(`${DOMAIN}${key}`);
  });
});

function isKnown(key: string, { kind }: JsonMap): boolean {
  if (OBJECT_KEYS.includes(key)) return true;
  return kind === 'HyperConverged' && (ANCHOR_KEYS.includes(key) || key === 'version' || CATALOG.optionNames.has(key));
}

function olderOperator() {
  const labels = { app: 'virt-platform-autopilot' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'virt-platform-autopilot', namespace: 'openshift-cnv' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'manager', image: 'older' }] } },
    },
  };
}
