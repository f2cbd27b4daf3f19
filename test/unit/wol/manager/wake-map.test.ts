import { expect } from 'chai';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import type { ConfigChange } from '../../../../src/wol/manager/config-ledger';
import type { Channel } from '../../../../src/wol/manager/wake-claim';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aConfig, aTarget, mac } from './builders';

const ALL: WolConfigSpec = {};
const selecting = (labels: Record<string, string>, more: WolConfigSpec = {}): WolConfigSpec => ({
  discoveryMode: 'LabelSelector',
  vmSelector: { matchLabels: labels },
  ...more,
});
const explicit = (pairs: Record<string, string>, more: WolConfigSpec = {}): WolConfigSpec => ({
  discoveryMode: 'Explicit',
  explicitMappings: Object.entries(pairs).map(([pair, key]) => {
    const [namespace = '', vmName = ''] = key.split('/');
    return { macAddress: pair.slice(0, 17), namespace, vmName };
  }),
  ...more,
});

/** Who is woken, and by whose policy. */
function woken(map: WakeMap, address: string, channel: Channel = 9): string | undefined {
  const resolution = map.resolve(address, channel);
  return resolution && `${resolution.key} by ${resolution.governing.map(({ name }) => name).join(',')}`;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('each discovery mode alone', () => {
  it('All claims every address of every virtual machine', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    map.upsertTarget(aTarget('lab/web', [mac(1), mac(2)]));
    map.upsertTarget(aTarget('home/nas', [mac(3)]));

    expect([1, 2, 3, 4].map((n) => woken(map, mac(n)))).to.deep.equal(['lab/web by all', 'lab/web by all', 'home/nas by all', undefined]);
    expect(map.countsOf('all')).to.deep.equal({ managedVms: 2, managedMacs: 3, unwakeableVms: 0, conflicts: 0 });
  });

  it('All stays within the listed namespaces', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', { namespaceSelectors: ['lab', 'unknown'] }));
    map.upsertTarget(aTarget('lab/web', [mac(1)]));
    map.upsertTarget(aTarget('home/nas', [mac(2)]));

    expect([woken(map, mac(1)), woken(map, mac(2))]).to.deep.equal(['lab/web by all', undefined]);
  });

  it('LabelSelector follows the labels of the object, and its namespaces', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('labels', selecting({ wake: 'yes' }, { namespaceSelectors: ['lab'] })));
    map.upsertTarget(aTarget('lab/web', [mac(1)], { labels: { wake: 'yes' } }));
    map.upsertTarget(aTarget('lab/db', [mac(2)]));
    map.upsertTarget(aTarget('home/nas', [mac(3)], { labels: { wake: 'yes' } }));

    expect([1, 2, 3].map((n) => woken(map, mac(n)))).to.deep.equal(['lab/web by labels', undefined, undefined]);
  });

  it('Explicit maps what it lists, whatever the virtual machine declares, and nothing else', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('pairs', explicit({ [mac(7)]: 'lab/web' }, { namespaceSelectors: ['other'] })));
    map.upsertTarget(aTarget('lab/web', [mac(1)]));

    expect([woken(map, mac(7)), woken(map, mac(1))]).to.deep.equal(['lab/web by pairs', undefined]);
    expect(map.resolve(mac(7), 9)?.source).to.equal('explicit');
  });

  it('Explicit knows a virtual machine that does not exist yet, and counts it as unwakeable until it does', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('pairs', explicit({ [mac(7)]: 'lab/web' })));
    expect(map.resolve(mac(7), 9)).to.include({ key: 'lab/web', target: undefined });
    expect(map.countsOf('pairs')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 1, conflicts: 0 });

    const target = aTarget('lab/web');
    map.upsertTarget(target);
    expect(map.resolve(mac(7), 9)?.target).to.equal(target);
    expect(map.countsOf('pairs')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 0, conflicts: 0 });

    map.removeTarget('lab/web');
    expect(map.resolve(mac(7), 9)).to.include({ key: 'lab/web', target: undefined });
    expect(map.countsOf('pairs')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 1, conflicts: 0 });
  });
});

describe('discovery modes in pairs', () => {
  const older = { createdAt: 1 };
  const younger = { createdAt: 2, labels: { wake: 'yes' } };

  it('LabelSelector overrides All for an address, without a conflict', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    map.upsertConfig(aConfig('labels', selecting({ wake: 'yes' })));
    map.upsertTarget(aTarget('lab/old', [mac(1)], older));
    map.upsertTarget(aTarget('lab/new', [mac(1)], younger));

    expect(woken(map, mac(1))).to.equal('lab/new by labels');
    expect(map.countsOf('labels')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 0, conflicts: 0 });
    expect(map.countsOf('all')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 1, conflicts: 0 });
  });

  it('Explicit overrides LabelSelector and All, without a conflict', () => {
    for (const weaker of [ALL, selecting({ wake: 'yes' })]) {
      const map = new WakeMap();
      map.upsertConfig(aConfig('weaker', weaker));
      map.upsertConfig(aConfig('pairs', explicit({ [mac(1)]: 'lab/other' })));
      map.upsertTarget(aTarget('lab/new', [mac(1)], younger));

      expect(woken(map, mac(1))).to.equal('lab/other by pairs');
      expect(map.countsOf('weaker')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 1, conflicts: 0 });
      expect(map.conflictsOf('pairs')).to.deep.equal([]);
    }
  });

  it('the configs of the winning precedence govern, oldest first, and weaker ones that mean the same do not', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL, { createdAt: '2020-01-01T00:00:00Z' }));
    map.upsertConfig(aConfig('b', selecting({ wake: 'yes' }), { createdAt: '2026-01-02T00:00:00Z' }));
    map.upsertConfig(aConfig('a', selecting({ wake: 'yes' }), { createdAt: '2026-01-02T00:00:00Z' }));
    map.upsertConfig(aConfig('z', selecting({}), { createdAt: '2026-01-01T00:00:00Z' }));
    map.upsertTarget(aTarget('lab/new', [mac(1)], younger));

    expect(woken(map, mac(1))).to.equal('lab/new by z,a,b');
  });

  it('two configs that mean the same virtual machine are no conflict', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('one', ALL));
    map.upsertConfig(aConfig('two', { namespaceSelectors: ['lab'] }));
    map.upsertTarget(aTarget('lab/web', [mac(1)]));

    expect(woken(map, mac(1))).to.equal('lab/web by one,two');
    expect([map.countsOf('one')?.conflicts, map.countsOf('two')?.conflicts]).to.deep.equal([0, 0]);
  });
});

describe('ports', () => {
  it('let one address mean different virtual machines on different ports, which is no conflict', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('nine', explicit({ [mac(1)]: 'lab/a' })));
    map.upsertConfig(aConfig('seven', explicit({ [mac(1)]: 'lab/b' }, { wolPorts: [7] })));
    map.upsertTarget(aTarget('lab/a', [], { createdAt: 2 }));
    map.upsertTarget(aTarget('lab/b', [], { createdAt: 1 }));

    expect([woken(map, mac(1), 9), woken(map, mac(1), 7), woken(map, mac(1), 8)]).to.deep.equal([
      'lab/a by nine',
      'lab/b by seven',
      undefined,
    ]);
    expect(map.countsOf('nine')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 0, conflicts: 0 });
    expect(map.countsOf('seven')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 0, conflicts: 0 });
  });

  it('count all configs for an agent that does not tell the port', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('seven', { wolPorts: [7] }));
    map.upsertTarget(aTarget('lab/a', [mac(1)]));
    expect(woken(map, mac(1), 0)).to.equal('lab/a by seven');
  });

  it('count only configs with rawEthernet for an Ethernet frame', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('udp', ALL));
    map.upsertTarget(aTarget('lab/a', [mac(1)]));
    expect(woken(map, mac(1), 'ethernet')).to.equal(undefined);

    map.upsertConfig(aConfig('raw', { agent: { rawEthernet: true } }));
    expect(woken(map, mac(1), 'ethernet')).to.equal('lab/a by raw');
  });

  it('report a conflict on the ports that two configs share, even if each has others', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('one', { namespaceSelectors: ['a'], wolPorts: [9, 7] }));
    map.upsertConfig(aConfig('two', { namespaceSelectors: ['b'], wolPorts: [8, 9] }));
    map.upsertTarget(aTarget('a/vm', [mac(1)], { createdAt: 1 }));
    map.upsertTarget(aTarget('b/vm', [mac(1)], { createdAt: 2 }));

    const conflict = { mac: mac(1), winner: 'a/vm', losers: ['b/vm'], precedence: 'All' };
    expect([map.conflictsOf('one'), map.conflictsOf('two')]).to.deep.equal([[conflict], [conflict]]);
    expect([7, 8, 9].map((port) => woken(map, mac(1), port))).to.deep.equal(['a/vm by one', 'b/vm by two', 'a/vm by one']);
    expect(map.countsOf('two')).to.deep.include({ managedVms: 1, unwakeableVms: 0 });
  });
});

describe('conflicts', () => {
  it('that differ by port are reported by each config for the first of its own ports, in whatever order the configs come', () => {
    const configs = [
      aConfig('nine', explicit({ [mac(1)]: 'a/x' })),
      aConfig('both', explicit({ [mac(1)]: 'a/y' }, { wolPorts: [9, 7] })),
      aConfig('seven', explicit({ [mac(1)]: 'b/x' }, { wolPorts: [7] })),
    ];
    for (const order of [configs, configs.toReversed()]) {
      const map = new WakeMap();
      for (const config of order) map.upsertConfig(config);
      expect(map.conflictsOf('both')).to.deep.equal([{ mac: mac(1), winner: 'a/x', losers: ['a/y'], precedence: 'Explicit' }]);
      expect(map.conflictsOf('seven')).to.deep.equal([{ mac: mac(1), winner: 'a/y', losers: ['b/x'], precedence: 'Explicit' }]);
    }
  });

  const beats: [string, Parameters<typeof aTarget>[2], Parameters<typeof aTarget>[2]][] = [
    ['the older', { createdAt: 1 }, { createdAt: 2 }],
    ['of equal age the smaller UID', { uid: 'a' }, { uid: 'b' }],
    ['one of this cluster before an older remote one', { createdAt: 2 }, { createdAt: 1, cluster: 'east' }],
  ];
  for (const [title, stronger, weaker] of beats) {
    it(`are won by ${title}, in whatever order they come`, () => {
      for (const order of [0, 1]) {
        const map = new WakeMap();
        map.upsertConfig(aConfig('all', ALL));
        const targets = [aTarget('lab/winner', [mac(1)], stronger), aTarget('lab/loser', [mac(1)], weaker)];
        if (order === 1) targets.reverse();
        for (const target of targets) map.upsertTarget(target);

        expect(woken(map, mac(1))).to.equal('lab/winner by all');
        expect(map.countsOf('all')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 1, conflicts: 1 });
      }
    });
  }

  it('are won by an existing virtual machine before one that an Explicit mapping names in vain', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('pairs', explicit({ [`${mac(1)}a`]: 'lab/absent', [`${mac(1)}b`]: 'lab/web' })));
    map.upsertTarget(aTarget('lab/web'));

    expect(woken(map, mac(1))).to.equal('lab/web by pairs');
    expect(map.conflictsOf('pairs')).to.deep.equal([{ mac: mac(1), winner: 'lab/web', losers: ['lab/absent'], precedence: 'Explicit' }]);
  });

  it('end with the loser, the winner or the address, and say so once', async () => {
    const map = new WakeMap();
    const changes: ConfigChange[] = [];
    map.upsertConfig(aConfig('all', ALL));
    map.upsertTarget(aTarget('lab/a', [mac(1)], { createdAt: 1 }));
    map.upsertTarget(aTarget('lab/b', [mac(1)], { createdAt: 2 }));
    await turn();
    map.onChange((change) => changes.push(change));

    map.removeTarget('lab/a');
    await turn();

    expect(woken(map, mac(1))).to.equal('lab/b by all');
    const before = { mac: mac(1), winner: 'lab/a', losers: ['lab/b'], precedence: 'All' };
    expect(changes).to.deep.equal([
      {
        config: 'all',
        counts: { managedVms: 1, managedMacs: 1, unwakeableVms: 0, conflicts: 0 },
        conflicts: [{ mac: mac(1), before, after: undefined }],
      },
    ]);
  });

  it('list the first twenty by address and count them all', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    for (let n = 30; n > 0; n--) {
      map.upsertTarget(aTarget(`lab/a${n}`, [mac(n)], { createdAt: 1 }));
      map.upsertTarget(aTarget(`lab/b${n}`, [mac(n)], { createdAt: 2 }));
    }
    expect(map.conflictsOf('all').map((conflict) => conflict.mac)).to.deep.equal(Array.from({ length: 20 }, (_, n) => mac(n + 1)));
    expect(map.countsOf('all')?.conflicts).to.equal(30);
  });

  it('move when the winner is created anew', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    map.upsertTarget(aTarget('lab/a', [mac(1)], { createdAt: 1 }));
    map.upsertTarget(aTarget('lab/b', [mac(1)], { createdAt: 2 }));
    map.upsertTarget(aTarget('lab/a', [mac(1)], { createdAt: 3, uid: 'again' }));
    expect(woken(map, mac(1))).to.equal('lab/b by all');
  });

  it('over an address that very many virtual machines share are still decided for each new one', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    for (let n = 500; n > 0; n--) {
      map.upsertTarget(aTarget(`lab/vm${n}`, [mac(1)], { createdAt: n }));
      expect(woken(map, mac(1))).to.equal(`lab/vm${n} by all`);
    }
    expect(map.countsOf('all')).to.deep.equal({ managedVms: 1, managedMacs: 1, unwakeableVms: 499, conflicts: 1 });
    expect(map.conflictsOf('all')[0]?.losers.slice(0, 2)).to.deep.equal(['lab/vm2', 'lab/vm3']);
  });
});

describe('changes of virtual machines', () => {
  it('take effect with the event: address, label, namespace scope, annotation, deletion', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('labels', selecting({ wake: 'yes' })));
    map.upsertTarget(aTarget('lab/web', [mac(1)], { labels: { wake: 'yes' } }));
    map.upsertTarget(aTarget('lab/web', [mac(2)], { labels: { wake: 'yes' } }));
    expect([woken(map, mac(1)), woken(map, mac(2))]).to.deep.equal([undefined, 'lab/web by labels']);

    map.upsertTarget(aTarget('lab/web', [mac(2)], { labels: { wake: 'no' } }));
    expect(woken(map, mac(2))).to.equal(undefined);
    expect(map.countsOf('labels')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 0, conflicts: 0 });

    map.upsertTarget(aTarget('lab/web', [mac(2)], { labels: { wake: 'yes' } }));
    expect(woken(map, mac(2))).to.equal('lab/web by labels');
    map.removeTarget('lab/web');
    expect(woken(map, mac(2))).to.equal(undefined);
    expect(map.size).to.deep.equal({ macs: 0, vms: 0 });
  });

  it('an ignored virtual machine counts as absent in every mode, Explicit included, and not as unwakeable', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    map.upsertConfig(aConfig('pairs', explicit({ [mac(7)]: 'lab/web' })));
    map.upsertTarget(aTarget('lab/web', [mac(1)], { ignored: true }));

    expect([woken(map, mac(1)), woken(map, mac(7))]).to.deep.equal([undefined, undefined]);
    for (const config of ['all', 'pairs']) {
      expect(map.countsOf(config)).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 0, conflicts: 0 });
    }
  });

  it('a virtual machine without an address is unwakeable', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('all', ALL));
    map.upsertTarget(aTarget('lab/web'));
    expect(map.countsOf('all')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 1, conflicts: 0 });
  });

  it('namespaces that are not watched do not exist, for Explicit mappings neither', () => {
    const map = new WakeMap({ watchNamespaces: ['lab'] });
    map.upsertConfig(aConfig('all', ALL));
    map.upsertConfig(aConfig('pairs', explicit({ [mac(7)]: 'home/nas' })));
    map.upsertTarget(aTarget('home/nas', [mac(1)]));

    expect(woken(map, mac(1))).to.equal(undefined);
    expect(map.resolve(mac(7), 9)).to.include({ key: 'home/nas', target: undefined });
    expect(map.targetOf('home/nas')).to.equal(undefined);
  });

  it('learned addresses count for learning configs only, and lose to declared ones', () => {
    const map = new WakeMap({ learnedMacsOf: () => [mac(1), 'ff:ff:ff:ff:ff:ff'] });
    map.upsertConfig(aConfig('plain', { wolPorts: [7] }));
    map.upsertConfig(aConfig('learning', { learnRuntimeMACs: true }));
    map.upsertTarget(aTarget('lab/learned', [], { createdAt: 1 }));
    expect([woken(map, mac(1), 9), woken(map, mac(1), 7)]).to.deep.equal(['lab/learned by learning', undefined]);
    expect(map.resolve(mac(1), 9)?.source).to.equal('learned');
    expect(map.countsOf('plain')).to.deep.include({ unwakeableVms: 1 });
    expect(map.resolve('ff:ff:ff:ff:ff:ff', 9)).to.equal(undefined);

    map.upsertTarget(aTarget('lab/declared', [mac(1)], { createdAt: 2 }));
    expect(woken(map, mac(1))).to.equal('lab/declared by learning');
  });

  it('follow what has been learned meanwhile', () => {
    let learned: string[] = [];
    const map = new WakeMap({ learnedMacsOf: () => learned });
    map.upsertConfig(aConfig('learning', { learnRuntimeMACs: true }));
    map.upsertTarget(aTarget('lab/vm'));
    learned = [mac(5)];
    map.refreshTarget('lab/vm');
    expect(woken(map, mac(5))).to.equal('lab/vm by learning');
  });
});

describe('remote targets', () => {
  it('are matched by the object that scopes them, unless the config excludes them', () => {
    const map = new WakeMap();
    const remote = aTarget('tenant/vm-1', [mac(1)], { cluster: 'east', scope: 'lab/machine', labels: { wake: 'yes' } });
    map.upsertConfig(aConfig('labels', selecting({ wake: 'yes' }, { namespaceSelectors: ['lab'] })));
    map.upsertConfig(aConfig('local', { includeRemote: false, wolPorts: [7] }));
    map.upsertConfig(aConfig('pairs', explicit({ [mac(2)]: 'lab/machine' })));
    map.upsertTarget(remote);

    expect(woken(map, mac(1))).to.equal('east:tenant/vm-1 by labels');
    expect(woken(map, mac(1), 7)).to.equal(undefined);
    expect(woken(map, mac(2))).to.equal('east:tenant/vm-1 by pairs');

    map.removeTarget('east:tenant/vm-1');
    expect(map.resolve(mac(2), 9)).to.include({ key: 'lab/machine', target: undefined });
    expect(woken(map, mac(1))).to.equal(undefined);
  });
});

describe('a remote target that moves to another scope', () => {
  it('leaves the mapping of the old one missing, and bears that of the new one', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('pairs', explicit({ [mac(1)]: 'lab/old', [mac(2)]: 'lab/new' })));
    map.upsertTarget(aTarget('tenant/vm', [], { cluster: 'east', scope: 'lab/old' }));
    map.upsertTarget(aTarget('tenant/vm', [], { cluster: 'east', scope: 'lab/new' }));

    expect(map.resolve(mac(1), 9)).to.include({ key: 'lab/old', target: undefined });
    expect(woken(map, mac(2))).to.equal('east:tenant/vm by pairs');
  });
});

describe('changes of configs', () => {
  it('take effect with the event, for virtual machines that were there before', () => {
    const map = new WakeMap();
    map.upsertTarget(aTarget('lab/web', [mac(1)]));
    map.upsertConfig(aConfig('c', { namespaceSelectors: ['home'] }));
    expect(woken(map, mac(1))).to.equal(undefined);
    map.upsertConfig(aConfig('c', { namespaceSelectors: ['lab'] }));
    expect(woken(map, mac(1))).to.equal('lab/web by c');
    map.upsertConfig(aConfig('c', { namespaceSelectors: ['lab'], wolPorts: [7] }));
    expect([woken(map, mac(1)), woken(map, mac(1), 7)]).to.deep.equal([undefined, 'lab/web by c']);
    map.removeConfig('c');
    expect([woken(map, mac(1), 7), map.countsOf('c'), map.size.macs]).to.deep.equal([undefined, undefined, 0]);
  });

  it('an invalid or terminating config contributes nothing and disturbs no other', () => {
    const map = new WakeMap();
    map.upsertTarget(aTarget('lab/web', [mac(1)]));
    map.upsertConfig(aConfig('good', ALL));
    map.upsertConfig(aConfig('turns', selecting({})));
    expect(woken(map, mac(1))).to.equal('lab/web by turns');

    expect(map.upsertConfig(aConfig('turns', { discoveryMode: 'LabelSelector' })).kind).to.equal('invalid');
    expect(woken(map, mac(1))).to.equal('lab/web by good');
    expect(map.countsOf('turns')).to.deep.equal({ managedVms: 0, managedMacs: 0, unwakeableVms: 0, conflicts: 0 });

    expect(map.upsertConfig(aConfig('good', ALL, { deleting: true })).kind).to.equal('deleting');
    expect(woken(map, mac(1))).to.equal(undefined);
  });

  it('an Explicit mapping that is taken out leaves nothing behind', () => {
    const map = new WakeMap();
    map.upsertConfig(aConfig('pairs', explicit({ [mac(1)]: 'lab/a', [mac(2)]: 'lab/b' })));
    map.upsertConfig(aConfig('pairs', explicit({ [mac(2)]: 'lab/b' })));
    expect([map.resolve(mac(1), 9), map.size.macs]).to.deep.equal([undefined, 1]);
    expect(map.countsOf('pairs')).to.deep.include({ unwakeableVms: 1 });
  });

  it('a new status or label of a config evaluates nothing again', () => {
    const map = new WakeMap();
    const first = map.upsertConfig(aConfig('all', ALL));
    const again = map.upsertConfig({ ...aConfig('all', ALL), status: { managedVMs: 3 } });
    expect(again).to.equal(first);
  });
});

describe('listeners of the map', () => {
  it('hear of a config only when its counts changed, once for all changes of a turn', async () => {
    const map = new WakeMap();
    const heard: string[] = [];
    map.onChange(({ config, counts }) => heard.push(`${config} ${counts.managedVms}`));
    map.upsertConfig(aConfig('all', ALL));
    map.upsertConfig(aConfig('home', { namespaceSelectors: ['home'] }));
    map.upsertTarget(aTarget('lab/a', [mac(1)]));
    map.upsertTarget(aTarget('lab/b', [mac(2)]));
    await turn();
    expect(heard).to.deep.equal(['all 2']);

    map.upsertTarget(aTarget('lab/a', [mac(1)], { labels: { changed: 'yes' } }));
    map.upsertTarget(aTarget('lab/b', [mac(3)]));
    await turn();
    expect(heard).to.deep.equal(['all 2']);
  });

  it('hear of a change even when somebody asked for the counts in between', async () => {
    const map = new WakeMap();
    const heard: number[] = [];
    map.onChange(({ counts }) => heard.push(counts.managedVms));
    map.upsertConfig(aConfig('all', ALL));
    map.upsertTarget(aTarget('lab/a', [mac(1)]));
    expect(map.countsOf('all')?.managedVms).to.equal(1);
    await turn();
    expect(heard).to.deep.equal([1]);
  });

  it('hear of one target by its key, until they stop', () => {
    const map = new WakeMap();
    let heard = 0;
    const stop = map.watchTarget('lab/a', () => heard++);
    const target = aTarget('lab/a');
    map.upsertTarget(target);
    map.upsertTarget(target);
    map.upsertTarget(aTarget('lab/b'));
    map.removeTarget('lab/a');
    expect(heard).to.equal(3);
    stop();
    map.upsertTarget(target);
    expect(heard).to.equal(3);
  });
});
