import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ApiCall, callsIn } from '../../../../hack/rights/audit-log';
import { journalsIn, keepJournal } from '../../../../hack/rights/journal-folder';
import { rightsCheck } from '../../../../hack/rights/main';
import { denialProblems, rightsInUse } from '../../../../hack/rights/rights-in-use';
import { parseUnusedList, UNUSED_LIST } from '../../../../hack/rights/unused-list';
import { OPERATOR_NAMESPACE, type RbacRule } from '../../../../src/framework';

const NAMESPACE = 'here';

function aRule(rule: Partial<RbacRule> = {}): RbacRule {
  return { group: '', resource: 'pods', verbs: ['get'], names: [], namespace: undefined, reasons: [], ...rule };
}

function aCall(call: Partial<ApiCall> = {}): ApiCall {
  return { verb: 'get', group: '', resource: 'pods', namespace: 'default', name: 'a', allowed: true, ...call };
}

const unusedOf = (rule: RbacRule, ...calls: ApiCall[]): readonly string[] =>
  rightsInUse([rule], [{ namespace: NAMESPACE, calls }], []).unused;

describe('the use of rights', () => {
  it('is counted verb by verb', () => {
    expect(unusedOf(aRule({ verbs: ['get', 'list'] }), aCall())).to.deep.equal(['list pods']);
  });

  it('is counted name by name', () => {
    expect(unusedOf(aRule({ names: ['a', 'b'] }), aCall())).to.deep.equal(['get pods named b']);
  });

  it('is no use of another group, resource or subresource', () => {
    for (const other of [{ group: 'apps' }, { resource: 'nodes' }, { resource: 'pods/status' }]) {
      expect(unusedOf(aRule(), aCall(other))).to.deep.equal(['get pods']);
    }
  });

  it('of a namespace counts there alone', () => {
    const rule = aRule({ namespace: OPERATOR_NAMESPACE });

    expect(unusedOf(rule, aCall())).to.deep.equal(['get pods in the operator namespace']);
    expect(unusedOf(rule, aCall({ namespace: NAMESPACE }))).to.deep.equal([]);
    expect(unusedOf(aRule({ namespace: 'default' }), aCall())).to.deep.equal([]);
  });

  it('may be in any cluster, and is none when it was refused', () => {
    const rule = aRule();
    const used = { namespace: NAMESPACE, calls: [aCall()] };
    const idle = { namespace: NAMESPACE, calls: [] };

    expect(rightsInUse([rule], [idle, used], []).unused).to.deep.equal([]);
    expect(unusedOf(rule, aCall({ allowed: false }))).to.deep.equal(['get pods']);
  });

  it('is not asked for where a reason is given, and the list may hold nothing else', () => {
    const listed = [{ reason: 'because', rights: ['list pods', 'get nodes'] }];

    expect(rightsInUse([aRule({ verbs: ['list'] })], [], listed)).to.deep.equal({
      granted: ['list pods'],
      unused: [],
      outdated: ['get nodes'],
    });
  });
});

describe('refused calls', () => {
  const none = { expected: new Set<string>(), restarted: false };

  it('are problems unless the test expects them', () => {
    const denied = aCall({ verb: 'patch', group: 'apps', resource: 'daemonsets/status', allowed: false });

    expect(denialProblems([denied, aCall()], none)).to.deep.equal([
      'the manager was not allowed to patch daemonsets/status.apps (default/a)',
    ]);
    expect(denialProblems([denied], { ...none, expected: new Set(['patch daemonsets/status.apps']) })).to.deep.equal([]);
  });

  it('that a test expects and that never come are problems', () => {
    expect(denialProblems([aCall()], { ...none, expected: new Set(['get pods']) })).to.deep.equal([
      'the manager was never refused to get pods, which the test expects',
    ]);
  });

  it('pass after a restart of the API server if the same is allowed as well', () => {
    const denied = aCall({ allowed: false });

    expect(denialProblems([denied, aCall()], { ...none, restarted: true })).to.deep.equal([]);
    expect(denialProblems([denied, aCall()], none)).to.have.length(1);
    expect(denialProblems([denied], { ...none, restarted: true })).to.have.length(1);
  });
});

describe('an audit log', () => {
  const event = (fields: object): string =>
    JSON.stringify({ verb: 'get', requestURI: '/x?y=z', userAgent: 'virt-steward/1', annotations: {}, ...fields });

  it('is read as the calls of one program, each once, with how they were decided', () => {
    const objectRef = { apiGroup: 'apps', resource: 'daemonsets', subresource: 'status', namespace: 'ns', name: 'a' };
    const log = [
      event({ objectRef, annotations: { 'authorization.k8s.io/decision': 'allow' } }),
      event({ objectRef, annotations: { 'authorization.k8s.io/decision': 'allow' } }),
      event({ objectRef, annotations: { 'authorization.k8s.io/decision': 'forbid' } }),
      event({ objectRef, userAgent: 'kubectl/1' }),
      event({}),
      '{"verb":"get","requestU',
      '',
    ].join('\n');

    const call = { verb: 'get', group: 'apps', resource: 'daemonsets/status', namespace: 'ns', name: 'a' };
    expect(callsIn(log, 'virt-steward/')).to.deep.equal([
      { ...call, allowed: true },
      { ...call, allowed: false },
      { verb: 'get', group: '', resource: '/x', namespace: '', name: '', allowed: true },
    ]);
  });
});

describe('what an API server checks behind its authorizer', () => {
  const objectRef = { apiGroup: 'apps', resource: 'daemonsets', namespace: 'ns', name: 'a' };
  const call = { verb: 'patch', group: 'apps', resource: 'daemonsets', namespace: 'ns', name: 'a' };
  const callsOf = (responseStatus: object): ApiCall[] =>
    callsIn(JSON.stringify({ verb: 'patch', requestURI: '/', userAgent: 'virt-steward/1', objectRef, responseStatus }), 'virt-steward/');

  it('counts as used: an apply that created the object', () => {
    expect(callsOf({ code: 201 })).to.deep.equal([
      { ...call, allowed: true },
      { ...call, verb: 'create', allowed: true },
    ]);
    expect(callsOf({ code: 200 })).to.deep.equal([{ ...call, allowed: true }]);
  });

  it('counts as refused when a right is missing, and is told with the reason', () => {
    const calls = callsOf({
      code: 403,
      message: 'daemonsets.apps "a" is forbidden: cannot set an ownerRef on a resource you cannot delete',
    });

    expect(denialProblems(calls, { expected: new Set(), restarted: false })).to.deep.equal([
      'the manager was not allowed to patch daemonsets.apps (ns/a): cannot set an ownerRef on a resource you cannot delete',
    ]);
    expect(callsOf({ code: 403, message: 'a is forbidden: User "u" cannot create resource "daemonsets"' })[0]?.allowed).to.equal(false);
  });

  it('does not count as refused when the namespace is going', () => {
    const message = 'unable to create new content in namespace ns because it is being terminated';

    expect(callsOf({ code: 403, message })).to.deep.equal([{ ...call, allowed: true }]);
  });
});

describe('the check of rights in use', () => {
  let root: string;
  let folder: string;
  let lines: string[];
  const check = (...args: string[]): number => rightsCheck(root, args, (line) => lines.push(line));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rights-'));
    folder = join(root, 'journals');
    lines = [];
    mkdirSync(join(root, 'hack/generators'), { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(root, UNUSED_LIST), '[]');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('names each right of the manager that no journal holds', () => {
    keepJournal(
      { namespace: 'virt-steward-system', calls: [aCall({ verb: 'list', group: 'kubevirt.io', resource: 'virtualmachines' })] },
      folder,
    );

    expect(check(folder)).to.equal(1);
    expect(lines).to.include(
      `granted, but used by no test: watch virtualmachines.kubevirt.io; use it, drop it, or list it with a reason in ${UNUSED_LIST}`,
    );
    expect(lines.join('\n')).not.to.contain(': list virtualmachines.kubevirt.io;');
  });

  it('names an entry of the list that no rule grants any more', () => {
    keepJournal({ namespace: 'x', calls: [] }, folder);
    writeFileSync(join(root, UNUSED_LIST), '- reason: long ago\n  rights: [get unicorns]\n');

    check(folder);

    expect(lines).to.include(`listed in ${UNUSED_LIST}, but not granted: get unicorns; take it off the list`);
  });

  it('fails without any journal, and refuses to guess a folder', () => {
    expect(check(folder)).to.equal(1);
    expect(check()).to.equal(2);
  });

  it('reads what any number of processes have left, and nothing half written', () => {
    keepJournal({ namespace: 'a', calls: [] }, folder);
    keepJournal({ namespace: 'b', calls: [aCall()] }, folder);
    writeFileSync(join(folder, 'half'), '{"names');

    expect(
      journalsIn(folder)
        .map(({ namespace }) => namespace)
        .sort(),
    ).to.deep.equal(['a', 'b']);
  });

  it('keeps no journal when nobody asks for it', () => {
    keepJournal({ namespace: 'a', calls: [] }, '');

    expect(readdirSync(folder)).to.deep.equal([]);
  });
});

describe('the list of unused rights', () => {
  it('needs a reason and rights in each entry', () => {
    expect(parseUnusedList('- {reason: why, rights: [get pods]}')).to.deep.equal([{ reason: 'why', rights: ['get pods'] }]);
    expect(parseUnusedList('')).to.deep.equal([]);
    expect(() => parseUnusedList('- {rights: [get pods]}')).to.throw('entry 1 needs a reason and a list of rights');
    expect(() => parseUnusedList('- {reason: why, rights: []}')).to.throw('entry 1 needs a reason');
    expect(() => parseUnusedList('reason: why')).to.throw('is no list');
  });
});
