import { expect } from 'chai';
import { WolConfigApi } from './wol-config-api';

const MAPPING = { macAddress: '02:00:00:00:00:01', vmName: 'web', namespace: 'lab' };

describe('admission of a WolConfig', () => {
  let api: WolConfigApi;

  before(async function () {
    this.timeout(600_000); // the first run on a machine builds the control plane
    api = await WolConfigApi.start();
  });

  after(() => api?.[Symbol.asyncDispose]());

  describe('defaults', () => {
    it('adds nothing to an object without a spec', async () => {
      expect(await api.accepted(undefined)).not.to.have.property('spec');
    });

    it('fills an empty spec with exactly the documented values', async () => {
      expect((await api.accepted({})).spec).to.deep.equal({
        discoveryMode: 'All',
        cacheTTL: 300,
        learnRuntimeMACs: false,
        includeRemote: true,
        startPolicy: 'Start',
        unpause: false,
      });
    });

    it('leaves wolPorts out, so that the deprecated wolPort still counts', async () => {
      const { spec } = await api.accepted({ wolPort: 7 });

      expect(spec).to.include({ wolPort: 7 }).and.not.to.have.property('wolPorts');
    });

    it('fills agent, limits and secureOn only where they are given', async () => {
      const { spec } = await api.accepted({ agent: {}, limits: {}, secureOn: { passwordSecretRef: { name: 'wol' } } });

      expect(spec?.agent).to.deep.equal({ imagePullPolicy: 'IfNotPresent', rawEthernet: false });
      expect(spec?.limits).to.deep.equal({ startsPerMinute: 60 });
      expect(spec?.secureOn).to.deep.equal({ passwordSecretRef: { name: 'wol', key: 'password' } });
    });

    it('keeps every value that somebody chose', async () => {
      const chosen = {
        discoveryMode: 'LabelSelector',
        cacheTTL: 0,
        learnRuntimeMACs: true,
        includeRemote: false,
        startPolicy: 'Skip',
        unpause: true,
        limits: { startsPerMinute: 1 },
        agent: { imagePullPolicy: 'Never', rawEthernet: true },
        secureOn: { passwordSecretRef: { name: 'wol', key: 'other' } },
      };

      expect((await api.accepted(chosen)).spec).to.deep.equal(chosen);
    });
  });

  describe('accepts', () => {
    const cases: [string, object][] = [
      ['an empty vmSelector', { discoveryMode: 'LabelSelector', vmSelector: {} }],
      ['LabelSelector without a selector, which the manager reports', { discoveryMode: 'LabelSelector' }],
      ['Explicit without mappings, which the manager reports', { discoveryMode: 'Explicit' }],
      [
        'a selector operator that the manager will report',
        { vmSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } },
      ],
      ['all selector fields', { vmSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] } }],
      ['an upper-case MAC address', { explicitMappings: [{ ...MAPPING, macAddress: 'AA:BB:CC:DD:EE:0F' }] }],
      ['names of the greatest length', { explicitMappings: [{ ...MAPPING, vmName: 'v'.repeat(253), namespace: 'n'.repeat(63) }] }],
      ['the same mapping twice', { explicitMappings: [MAPPING, MAPPING] }],
      ['the first and the last port', { wolPorts: [1, 65535], wolPort: 65535 }],
      ['repeated ports', { wolPorts: [9, 9] }],
      ['ten ports', { wolPorts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }],
      ['a namespace name that does not exist, or is empty', { namespaceSelectors: ['nowhere', ''] }],
      ['a very large cacheTTL', { cacheTTL: 10_000_000_000 }],
      ['IPv4 and IPv6 sources', { allowedSources: ['0.0.0.0/0', '::/0', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128'] }],
      ['64 sources', { allowedSources: Array<string>(64).fill('10.0.0.0/8') }],
      ['no source at all', { allowedSources: [] }],
      ['the bounds of startsPerMinute', { limits: { startsPerMinute: 10_000 } }],
      ['the bounds of healthPort', { agent: { healthPort: 1024 } }],
      ['the greatest healthPort', { agent: { healthPort: 65535 } }],
      [
        'any toleration',
        { agent: { tolerations: [{}, { key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: -1 }] } },
      ],
      [
        'resources as numbers and as quantities',
        { agent: { resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { cpu: '1.5', memory: '1e9' } } } },
      ],
      ['resource claims', { agent: { resources: { claims: [{ name: 'a', request: 'one' }, { name: 'b' }] } } }],
      ['an image with a digest', { agent: { image: `registry.example.org:5000/agent@sha256:${'a'.repeat(64)}` } }],
      ['an empty image', { agent: { image: '' } }],
      [
        'node selector, priority class and pull policy',
        { agent: { nodeSelector: { a: 'b' }, priorityClassName: 'high', imagePullPolicy: 'Always' } },
      ],
      [
        'numbers and percentages in an update strategy',
        { agent: { updateStrategy: { rollingUpdate: { maxUnavailable: '10%', maxSurge: 0 } } } },
      ],
      ['a Secret in another namespace', { secureOn: { passwordSecretRef: { name: 'a', namespace: 'b', key: 'c' } } }],
    ];
    for (const [what, spec] of cases) it(what, () => api.accepted(spec));
  });

  describe('refuses, naming the field,', () => {
    const secret = (ref: object): object => ({ secureOn: { passwordSecretRef: { name: 'wol', ...ref } } });
    const selector = (expression: object): object => ({ vmSelector: { matchExpressions: [expression] } });
    const cases: [string, object, string][] = [
      ['an unknown discovery mode', { discoveryMode: 'Some' }, 'spec.discoveryMode: Unsupported value: "Some"'],
      ['an unknown start policy', { startPolicy: 'Maybe' }, 'spec.startPolicy: Unsupported value: "Maybe"'],
      ['a selector requirement without a key', selector({ operator: 'In' }), 'spec.vmSelector.matchExpressions[0].key: Required value'],
      [
        'a selector requirement without an operator',
        selector({ key: 'a' }),
        'spec.vmSelector.matchExpressions[0].operator: Required value',
      ],
      ['a label value that is no string', { vmSelector: { matchLabels: { a: 1 } } }, 'spec.vmSelector.matchLabels.a'],
      ['a short MAC address', { explicitMappings: [{ ...MAPPING, macAddress: '02:00:00:00:01' }] }, 'spec.explicitMappings[0].macAddress'],
      [
        'a MAC address with hyphens',
        { explicitMappings: [{ ...MAPPING, macAddress: '02-00-00-00-00-01' }] },
        'spec.explicitMappings[0].macAddress',
      ],
      ['a MAC address with a stray letter', { explicitMappings: [{ ...MAPPING, macAddress: '02:00:00:00:00:0g' }] }, 'macAddress'],
      [
        'a mapping without a MAC address',
        { explicitMappings: [{ vmName: 'a', namespace: 'b' }] },
        'spec.explicitMappings[0].macAddress: Required value',
      ],
      [
        'a mapping without a name',
        { explicitMappings: [{ ...MAPPING, vmName: undefined }] },
        'spec.explicitMappings[0].vmName: Required value',
      ],
      ['a mapping without a namespace', { explicitMappings: [{ ...MAPPING, namespace: undefined }] }, 'namespace: Required value'],
      ['an empty VM name', { explicitMappings: [{ ...MAPPING, vmName: '' }] }, 'spec.explicitMappings[0].vmName'],
      [
        'a VM name of 254 characters',
        { explicitMappings: [{ ...MAPPING, vmName: 'v'.repeat(254) }] },
        'spec.explicitMappings[0].vmName: Too long',
      ],
      ['an empty namespace', { explicitMappings: [{ ...MAPPING, namespace: '' }] }, 'spec.explicitMappings[0].namespace'],
      ['a namespace of 64 characters', { explicitMappings: [{ ...MAPPING, namespace: 'n'.repeat(64) }] }, 'namespace: Too long'],
      ['an empty list of ports', { wolPorts: [] }, 'spec.wolPorts'],
      ['eleven ports', { wolPorts: Array<number>(11).fill(9) }, 'spec.wolPorts: Too many: 11: must have at most 10 items'],
      ['port 0', { wolPorts: [0] }, 'spec.wolPorts[0]'],
      ['port 65536', { wolPorts: [9, 65536] }, 'spec.wolPorts[1]'],
      ['a port that is no integer', { wolPorts: ['9'] }, 'spec.wolPorts[0]'],
      ['the deprecated port 0', { wolPort: 0 }, 'spec.wolPort'],
      ['the deprecated port 70000', { wolPort: 70_000 }, 'spec.wolPort'],
      ['a negative cacheTTL', { cacheTTL: -1 }, 'spec.cacheTTL'],
      ['65 sources', { allowedSources: Array<string>(65).fill('10.0.0.0/8') }, 'spec.allowedSources: Too many'],
      ['a source without a prefix length', { allowedSources: ['10.0.0.1'] }, 'spec.allowedSources[0]'],
      ['a source that is a host name', { allowedSources: ['example.org/24'] }, 'spec.allowedSources[0]'],
      ['a source of 50 characters', { allowedSources: [`${'1'.repeat(47)}/24`] }, 'spec.allowedSources[0]: Too long'],
      ['secureOn without a Secret', { secureOn: {} }, 'spec.secureOn.passwordSecretRef: Required value'],
      ['a Secret without a name', secret({ name: undefined }), 'spec.secureOn.passwordSecretRef.name: Required value'],
      ['an empty Secret name', secret({ name: '' }), 'spec.secureOn.passwordSecretRef.name'],
      ['a Secret name of 254 characters', secret({ name: 's'.repeat(254) }), 'spec.secureOn.passwordSecretRef.name: Too long'],
      ['an empty Secret key', secret({ key: '' }), 'spec.secureOn.passwordSecretRef.key'],
      ['a Secret key of 254 characters', secret({ key: 'k'.repeat(254) }), 'spec.secureOn.passwordSecretRef.key: Too long'],
      ['an empty Secret namespace', secret({ namespace: '' }), 'spec.secureOn.passwordSecretRef.namespace'],
      ['a Secret namespace of 64 characters', secret({ namespace: 'n'.repeat(64) }), 'spec.secureOn.passwordSecretRef.namespace: Too long'],
      ['a limit of 0 starts', { limits: { startsPerMinute: 0 } }, 'spec.limits.startsPerMinute'],
      ['a limit of 10001 starts', { limits: { startsPerMinute: 10_001 } }, 'spec.limits.startsPerMinute'],
      ['a quantity that is none', { agent: { resources: { limits: { cpu: 'much' } } } }, 'spec.agent.resources.limits.cpu'],
      [
        'two resource claims of one name',
        { agent: { resources: { claims: [{ name: 'a' }, { name: 'a' }] } } },
        'claims[1]: Duplicate value',
      ],
      [
        'a resource claim without a name',
        { agent: { resources: { claims: [{}] } } },
        'spec.agent.resources.claims[0].name: Required value',
      ],
      ['an image with a blank', { agent: { image: 'agent latest' } }, 'spec.agent.image'],
      ['an image of 513 characters', { agent: { image: 'i'.repeat(513) } }, 'spec.agent.image: Too long'],
      ['a health port below 1024', { agent: { healthPort: 1023 } }, 'spec.agent.healthPort'],
      ['a health port above 65535', { agent: { healthPort: 65536 } }, 'spec.agent.healthPort'],
      ['a fraction of a node', { agent: { updateStrategy: { rollingUpdate: { maxSurge: 0.5 } } } }, 'rollingUpdate.maxSurge'],
    ];
    for (const [what, spec, field] of cases) {
      it(what, async () => expect(await api.refusal(spec)).to.contain(field));
    }
  });

  describe('rule that learning needs a mode other than Explicit', () => {
    it('refuses learnRuntimeMACs in mode Explicit with its message', async () => {
      const message = await api.refusal({ discoveryMode: 'Explicit', explicitMappings: [MAPPING], learnRuntimeMACs: true });

      expect(message).to.match(/spec: Invalid value: .*learnRuntimeMACs has no effect in mode Explicit$/);
    });

    for (const spec of [
      { discoveryMode: 'Explicit', learnRuntimeMACs: false },
      { discoveryMode: 'All', learnRuntimeMACs: true },
      { learnRuntimeMACs: true },
      { discoveryMode: 'Explicit' },
    ]) {
      it(`accepts ${JSON.stringify(spec)}`, () => api.accepted(spec));
    }
  });

  describe('rule that Ethernet frames cannot pass allowedSources', () => {
    it('refuses rawEthernet together with a source with its message', async () => {
      const message = await api.refusal({ agent: { rawEthernet: true }, allowedSources: ['10.0.0.0/8'] });

      expect(message).to.match(/spec: Invalid value: .*Ethernet frames carry no IP source and could never pass allowedSources$/);
    });

    for (const spec of [
      { agent: { rawEthernet: true }, allowedSources: [] },
      { agent: { rawEthernet: true } },
      { agent: { rawEthernet: false }, allowedSources: ['10.0.0.0/8'] },
      { agent: {}, allowedSources: ['10.0.0.0/8'] },
      { allowedSources: ['10.0.0.0/8'] },
    ]) {
      it(`accepts ${JSON.stringify(spec)}`, () => api.accepted(spec));
    }
  });

  describe('rule that rollingUpdate belongs to the type RollingUpdate', () => {
    for (const type of ['OnDelete', 'Recreate']) {
      it(`refuses rollingUpdate with type ${type} with its message`, async () => {
        const message = await api.refusal({ agent: { updateStrategy: { type, rollingUpdate: { maxUnavailable: 1 } } } });

        expect(message).to.match(/spec\.agent\.updateStrategy: Invalid value: .*rollingUpdate requires type RollingUpdate$/);
      });
    }

    for (const updateStrategy of [
      {},
      { type: 'OnDelete' },
      { type: 'RollingUpdate' },
      { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%' } },
      { rollingUpdate: { maxUnavailable: 2 } },
      { type: '', rollingUpdate: { maxUnavailable: 2 } },
    ]) {
      it(`accepts ${JSON.stringify(updateStrategy)}`, () => api.accepted({ agent: { updateStrategy } }));
    }
  });
});
