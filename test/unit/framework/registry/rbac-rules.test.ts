import { expect } from 'chai';
import {
  clusterChanges,
  Daemon,
  Handler,
  Index,
  mapped,
  OnCreate,
  OnDelete,
  OnEvent,
  OnStartup,
  OnTimer,
  OPERATOR_NAMESPACE,
  owned,
  Reconcile,
  Source,
} from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { ConfigMap, DaemonSet, Node, Pod, Secret } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { defineVirtualKind, type KeySource } from '../../../../src/framework/kinds/virtual-kind';
import { type RbacRule, reasonText } from '../../../../src/framework/registry/rbac-merge';
import { type RbacFeatures, rbacRules } from '../../../../src/framework/registry/rbac-rules';
import { buildRegistry } from '../../../../src/framework/registry/registry';

const Widget = defineKind<KubernetesObject>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});
const Gadget = defineKind<KubernetesObject>('example.org/v1', 'Gadget', 'gadgets', { scope: 'Cluster', optional: true });

/** One line a rule, easy to compare and to read. */
function told({ group, resource, verbs, names, namespace, reasons }: RbacRule): string {
  const place = namespace === undefined ? '' : ` in ${namespace === OPERATOR_NAMESPACE ? 'our namespace' : String(namespace)}`;
  const named = names.length === 0 ? '' : ` named ${names.join(',')}`;
  return `${resource}${group === '' ? '' : `.${group}`}${named}${place}: ${verbs.join(',')} # ${reasons.map(reasonText).join('; ')}`;
}

function rulesOf(handlers: readonly HandlerClass[], features?: RbacFeatures): string[] {
  return rbacRules(buildRegistry({ handlers, domain: 'example.org' }), features).map(told);
}

@Handler({
  rbac: [
    { kind: DaemonSet, verbs: ['patch', 'create'], namespace: OPERATOR_NAMESPACE, why: 'one agent DaemonSet a widget' },
    { kind: Pod, subresource: 'eviction', verbs: ['create'], why: 'moves pods away' },
    { kind: ConfigMap, verbs: ['get', 'delete'], names: ['b', 'a'], namespace: 'kube-public', why: 'cleans up' },
  ],
})
class Widgets {
  @Reconcile(Widget, { owns: [owned(DaemonSet, { select: { namespaces: ['ns-2', 'ns-1'] } })], watches: [mapped(Node, () => [])] })
  async reconcile(): Promise<void> {}

  @OnDelete(Widget)
  async cleanUp(): Promise<void> {}

  @OnEvent(Gadget)
  seen(): void {}
}

@Handler()
class Pods {
  @OnCreate(Pod, { remember: 'annotation' })
  async created(): Promise<void> {}

  @OnDelete(Pod, { optional: true })
  async deleted(): Promise<void> {}
}

describe('the rights that handlers need', () => {
  it('follow from decorators and claims: merged, sorted and with their reasons', () => {
    expect(rulesOf([Pods, Widgets])).to.deep.equal([
      'nodes: get,list,watch # Widgets.reconcile: mapped kind',
      'pods: get,list,watch,patch # Pods.created: handled-by annotation; Pods.created: watch; Pods.deleted: watch',
      'pods/eviction: create # Widgets: moves pods away',
      'customresourcedefinitions.apiextensions.k8s.io: get,list,watch # optional kinds: start when their CRD appears',
      'events.events.k8s.io: create,patch # Kubernetes Events about objects',
      'gadgets.example.org: get,list,watch # Widgets.seen: watch',
      'widgets.example.org: get,list,watch,patch # Widgets.cleanUp: finalizer example.org/cleanup; Widgets.cleanUp: watch; Widgets.reconcile: watch',
      'widgets/finalizers.example.org: update # Widgets.cleanUp: finalizer example.org/cleanup; Widgets.reconcile: owner references that block deletion',
      'widgets/status.example.org: get,patch # Widgets.cleanUp: status and conditions; Widgets.reconcile: status and conditions',
      'daemonsets.apps in our namespace: create,patch # Widgets: one agent DaemonSet a widget',
      'configmaps named a,b in kube-public: get,delete # Widgets: cleans up',
      'daemonsets.apps in ns-1: get,list,watch # Widgets.reconcile: owned kind',
      'daemonsets.apps in ns-2: get,list,watch # Widgets.reconcile: owned kind',
    ]);
  });

  it('do not depend on the order of registration', () => {
    expect(rulesOf([Widgets, Pods])).to.deep.equal(rulesOf([Pods, Widgets]));
  });

  it('are a Role where we run for watches on that namespace', () => {
    @Handler()
    class Neighbours {
      @OnEvent(ConfigMap, { select: { namespaces: [OPERATOR_NAMESPACE] } })
      seen(): void {}
    }

    expect(rulesOf([Neighbours])).to.deep.equal(['configmaps in our namespace: get,list,watch # Neighbours.seen: watch']);
  });

  it('never hold a wildcard, nor verbs that widen rights', () => {
    const rules = rbacRules(buildRegistry({ handlers: [Widgets, Pods], domain: 'example.org' }), { lease: 'l', secureMetrics: true });

    for (const { group, resource, verbs, reasons } of rules) {
      expect([group, resource, ...verbs].join(' ')).not.to.match(/\*|escalate|bind|impersonate/);
      expect(verbs).not.to.have.length(0);
      expect(reasons).not.to.have.length(0);
    }
  });

  it('to a status follow from what the kind says of it, and are rights on the object where there is no subresource', () => {
    const scope = 'Namespaced';
    const kinds = {
      plain: defineKind<KubernetesObject>('example.org/v1', 'Plain', 'plains', { scope }),
      owned: defineKind<KubernetesObject>('example.org/v1', 'Owned', 'owneds', { scope, ownStatus: ['text'] }),
      volatile: defineKind<KubernetesObject>('example.org/v1', 'Volatile', 'volatiles', { scope, volatileStatus: ['time'] }),
      inline: defineKind<KubernetesObject>('example.org/v1', 'Inline', 'inlines', { scope, status: false, conditions: true }),
    };
    @Handler()
    class Statuses {
      @Reconcile(kinds.plain)
      async plain(): Promise<void> {}

      @Reconcile(kinds.owned)
      async owned(): Promise<void> {}

      @OnTimer(kinds.volatile, { intervalMs: 1_000 })
      async volatile(): Promise<void> {}

      @Reconcile(kinds.inline)
      async inline(): Promise<void> {}
    }

    expect(rulesOf([Statuses]).filter((line) => line.includes('patch') && !line.startsWith('events'))).to.deep.equal([
      'inlines.example.org: get,list,watch,patch # Statuses.inline: status and conditions; Statuses.inline: watch',
      'owneds/status.example.org: get,patch # Statuses.owned: status and conditions',
      'volatiles/status.example.org: get,patch # Statuses.volatile: status and conditions',
    ]);
  });

  it('come with the verbs that each handler asks for', () => {
    const rules = rbacRules(buildRegistry({ handlers: [Pods], domain: 'example.org' }));

    expect(rules.find(({ resource }) => resource === 'pods')?.reasons).to.deep.equal([
      { by: 'Pods.created', why: 'handled-by annotation', verbs: ['patch'] },
      { by: 'Pods.created', why: 'watch', verbs: ['get', 'list', 'watch'] },
      { by: 'Pods.deleted', why: 'watch', verbs: ['get', 'list', 'watch'] },
    ]);
  });

  it('are those to read alone where nothing is written', () => {
    @Handler()
    class Reader {
      @OnEvent(Node)
      seen(): void {}

      @Index(Pod, 'node')
      byNode(): string {
        return '';
      }

      @OnStartup()
      async start(): Promise<void> {}
    }

    expect(rulesOf([Reader])).to.deep.equal(['nodes: get,list,watch # Reader.seen: watch', 'pods: get,list,watch # Reader.byNode: watch']);
  });

  it('are those in one cluster, here or in a remote one', () => {
    @Handler()
    class Abroad {
      @Reconcile(Widget, { clusters: 'remotes', owns: [DaemonSet], watches: [mapped(Node, () => []), clusterChanges(() => [])] })
      async there(): Promise<void> {}

      @Reconcile(Widget, { clusters: 'remotes', watches: [mapped(ConfigMap, () => [], { clusters: 'local' })] })
      async thereFromHere(): Promise<void> {}

      @OnEvent(Pod, { clusters: 'remotes' })
      seen(): void {}
    }
    @Handler()
    class Home {
      @Reconcile(Pod, { watches: [mapped(Widget, () => [], { clusters: 'remotes' })] })
      async here(): Promise<void> {}
    }

    expect(rulesOf([Abroad])).to.deep.equal(['configmaps: get,list,watch # Abroad.thereFromHere: mapped kind']);
    expect(rulesOf([Abroad, Home], { cluster: 'east', lease: 'l', secureMetrics: true })).to.deep.equal([
      'nodes: get,list,watch # Abroad.there: mapped kind',
      'pods: get,list,watch # Abroad.seen: watch',
      'daemonsets.apps: get,list,watch # Abroad.there: owned kind',
      'events.events.k8s.io: create,patch # Kubernetes Events about objects',
      'widgets.example.org: get,list,watch # Abroad.there: watch; Abroad.thereFromHere: watch; Home.here: mapped kind',
      'widgets/finalizers.example.org: update # Abroad.there: owner references that block deletion',
      'widgets/status.example.org: get,patch # Abroad.there: status and conditions; Abroad.thereFromHere: status and conditions',
    ]);
    expect(rulesOf([Home])).to.deep.equal([
      'pods: get,list,watch # Home.here: watch',
      'events.events.k8s.io: create,patch # Kubernetes Events about objects',
    ]);
  });

  it('are claimed for calls in the cluster where they are made', () => {
    @Handler({
      rbac: [
        { kind: Pod, verbs: ['delete'], why: 'here' },
        { kind: ConfigMap, verbs: ['create'], clusters: 'remotes', why: 'there' },
        { kind: Node, verbs: ['patch'], clusters: (name) => name === 'east', why: 'in the east' },
      ],
    })
    class Caller {
      @OnStartup()
      start(): void {}
    }

    expect(rulesOf([Caller])).to.deep.equal(['pods: delete # Caller: here']);
    expect(rulesOf([Caller], { cluster: 'west' })).to.deep.equal(['configmaps: create # Caller: there']);
    expect(rulesOf([Caller], { cluster: 'east' })).to.deep.equal([
      'configmaps: create # Caller: there',
      'nodes: patch # Caller: in the east',
    ]);
  });

  it('include Events for daemons, which may send some', () => {
    @Handler()
    class Listener {
      @Daemon(Node)
      async listen(): Promise<void> {}
    }

    expect(rulesOf([Listener])).to.deep.equal([
      'nodes: get,list,watch # Listener.listen: watch',
      'events.events.k8s.io: create,patch # Kubernetes Events about objects',
    ]);
  });

  it('let nobody list Secrets beyond the one that is asked for by name', () => {
    @Handler()
    class Certificates {
      @OnEvent(Secret, { select: { namespaces: ['ns'], fields: 'metadata.name=tls' } })
      seen(): void {}
    }

    expect(rulesOf([Certificates])).to.deep.equal(['secrets named tls in ns: get,list,watch # Certificates.seen: watch']);
  });

  it('of virtual kinds are those of the kinds that they are mapped from, asked for with the container', () => {
    const Asset = defineVirtualKind<{ name: string }>('Asset');
    class Catalog {
      readonly kinds = [ConfigMap];
    }
    @Handler()
    class Assets {
      @Reconcile(Asset, { watches: (get) => get(Catalog).kinds.map((kind) => mapped(kind, () => [])) })
      async reconcile(): Promise<void> {}

      @OnTimer(Asset, { intervalMs: 1_000 })
      async tick(): Promise<void> {}
    }
    @Source(Asset)
    class AssetSource implements KeySource<{ name: string }> {
      resolve(name: string): { name: string } {
        return { name };
      }

      start(): void {}
    }
    const registry = buildRegistry({ handlers: [Assets, AssetSource] });
    const container = rootContainer.createChildContainer();

    expect(rbacRules(registry, { get: (token) => container.resolve(token) }).map(told)).to.deep.equal([
      'configmaps: get,list,watch # Assets.reconcile: mapped kind',
      'events.events.k8s.io: create,patch # Kubernetes Events about objects',
    ]);
    expect(() => rbacRules(registry)).to.throw(TypeError, 'Assets.reconcile: its watches depend on the container');
  });

  it('grow by those of leader election and secure metrics when these are on', () => {
    expect(rulesOf([], { lease: 'manager', secureMetrics: true })).to.deep.equal([
      'tokenreviews.authentication.k8s.io: create # who may read metrics',
      'subjectaccessreviews.authorization.k8s.io: create # who may read metrics',
      'leases.coordination.k8s.io in our namespace: create # leader election',
      'leases.coordination.k8s.io named manager in our namespace: get,update # leader election',
    ]);
    expect(rulesOf([])).to.deep.equal([]);
  });
});
