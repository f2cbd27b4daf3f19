import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { WolConfig } from '../../../src/api/wol/v1beta1';
import { REPOSITORY, WolConfigApi, yamlFile } from './wol-config-api';

interface VirtualMachine {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };
}

const FOLDER = 'examples/wol';

describe('Wake-on-LAN examples', () => {
  const files = readdirSync(join(REPOSITORY, FOLDER)).filter((name) => name.endsWith('.yaml'));
  const objects = files.flatMap((name) => yamlFile(`${FOLDER}/${name}`)) as (WolConfig | VirtualMachine)[];
  const configs = objects.filter((object): object is WolConfig => object.kind === 'WolConfig');
  const machines = objects.filter((object): object is VirtualMachine => object.kind === 'VirtualMachine');
  let api: WolConfigApi;

  before(async function () {
    this.timeout(600_000); // the first run on a machine builds the control plane
    api = await WolConfigApi.start();
  });

  after(() => api?.[Symbol.asyncDispose]());

  it('show each discovery mode once', () => {
    expect(configs.map(({ spec }) => spec?.discoveryMode)).to.have.members(['All', 'LabelSelector', 'Explicit']);
  });

  for (const config of configs) {
    it(`${config.metadata?.name} is accepted by the API server without a warning about unknown fields`, async () => {
      const accepted = await api.accepted(config.spec);

      expect(accepted.spec).to.containSubset(config.spec);
    });
  }

  it('fit each other: explicit mappings and selectors meet the sample virtual machines', () => {
    const names = machines.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    const mapped = configs.flatMap(({ spec }) => spec?.explicitMappings ?? []).map(({ namespace, vmName }) => `${namespace}/${vmName}`);
    const labels = configs.flatMap(({ spec }) => Object.entries(spec?.vmSelector?.matchLabels ?? {}));

    expect(names).to.include.members(mapped);
    for (const [key, value] of labels) expect(machines.some(({ metadata }) => metadata.labels?.[key] === value)).to.equal(true);
  });
});
