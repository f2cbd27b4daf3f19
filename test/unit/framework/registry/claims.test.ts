import { expect } from 'chai';
import type { RbacClaim } from '../../../../src/framework/decorators';
import { Handler, OnStartup, OPERATOR_NAMESPACE } from '../../../../src/framework/decorators';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap, Node, Pod, Secret, ServiceAccount } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { buildRegistry } from '../../../../src/framework/registry/registry';

const ClusterRole = defineKind('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', { scope: 'Cluster', status: false });

/** What is wrong with a handler that claims this, without the place. */
function refusal(claim: Partial<RbacClaim>, exceptionalRights: readonly string[] = []): string[] {
  @Handler({ rbac: [{ kind: ConfigMap, verbs: ['get'], why: 'test', ...claim }] })
  class Claims {
    @OnStartup()
    async start(): Promise<void> {}
  }
  try {
    buildRegistry({ handlers: [Claims], exceptionalRights });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ code, text }) => `${code}: ${text.replace('Claims: rbac[0] ', '')}`);
  }
}

describe('a right that a handler claims', () => {
  it('needs a reason', () => {
    expect(refusal({ why: ' ' })).to.deep.equal(['RBAC_CLAIM: has no why; say what the right is used for']);
  });

  it('needs verbs that there are, which a wildcard is not', () => {
    expect(refusal({ verbs: [] })).to.deep.equal(['RBAC_CLAIM: has no verbs']);
    expect(refusal({ verbs: ['*' as never] })[0]).to.match(/^RBAC_CLAIM: has the verb "\*"; allowed: get, list, watch, /);
    expect(refusal({ subresource: '*' })).to.deep.equal([
      'RBAC_CLAIM: has the subresource "*"; allowed: a name in lower case, without wildcard',
    ]);
  });

  for (const verb of ['bind', 'escalate', 'impersonate'] as const) {
    it(`to ${verb} is refused unless it is in the list of exceptions, names included`, () => {
      const claim: Partial<RbacClaim> = { kind: ClusterRole, verbs: ['get', verb], names: ['viewer'] };
      const right = `${verb} clusterroles.rbac.authorization.k8s.io named viewer`;

      expect(refusal(claim)).to.deep.equal([
        `RBAC_EXCEPTION: asks for "${right}", which lets its holder get further rights; narrow it, or add it to exceptionalRights`,
      ]);
      expect(refusal(claim, [right])).to.deep.equal([]);
      expect(refusal({ ...claim, names: ['admin'] }, [right])).to.have.length(1);
    });
  }

  for (const [kind, subresource] of [
    [Pod, 'exec'],
    [Pod, 'attach'],
    [Node, 'proxy'],
    [ServiceAccount, 'token'],
  ] as const) {
    it(`to ${kind.plural}/${subresource} is refused like one that widens rights`, () => {
      expect(refusal({ kind, subresource, verbs: ['create'] })[0]).to.contain('lets its holder act as somebody else');
    });
  }

  it('to Secrets of every namespace is refused', () => {
    expect(refusal({ kind: Secret, names: ['tls'] })).to.deep.equal([
      'RBAC_EXCEPTION: asks for "get secrets named tls", which reaches every Secret of the cluster; narrow it, or add it to exceptionalRights',
    ]);
  });

  for (const verb of ['list', 'watch', 'deletecollection'] as const) {
    it(`to ${verb} Secrets without names is refused, and with names it is not`, () => {
      const claim: Partial<RbacClaim> = { kind: Secret, verbs: ['get', verb], namespace: OPERATOR_NAMESPACE };

      expect(refusal(claim)).to.deep.equal([
        `RBAC_EXCEPTION: asks for "${verb} secrets in the operator namespace", which shows every Secret instead of the named one; ` +
          'narrow it, or add it to exceptionalRights',
      ]);
      expect(refusal({ ...claim, names: ['tls'] })).to.deep.equal([]);
    });
  }

  it('is counted from the base class on, which claims first', () => {
    @Handler({ rbac: [{ kind: ConfigMap, verbs: ['get'], why: 'fine' }] })
    class Base {
      @OnStartup()
      async start(): Promise<void> {}
    }
    @Handler({ rbac: [{ kind: Secret, verbs: ['list'], namespace: 'a', why: 'too much' }] })
    class Derived extends Base {}

    expect(() => buildRegistry({ handlers: [Derived] })).to.throw(
      ConfigError,
      /^.*Derived: rbac\[1\] asks for "list secrets in namespace a"/s,
    );
  });
});
