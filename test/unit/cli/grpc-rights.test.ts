import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const MAIN = join(__dirname, '..', '..', '..', 'src', 'cli', 'main.js');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Role {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
  readonly rules?: readonly Rule[];
}

/** `kind in namespace: resource names: verbs` for every rule about Secrets and ConfigMaps. */
async function rightsOn(resource: 'secrets' | 'configmaps', ...flags: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'rbac', '--output=json', '--namespace=ops', ...flags]);
  const { items } = JSON.parse(stdout) as { items: readonly Role[] };
  return items.flatMap(({ kind, metadata, rules = [] }) =>
    rules
      .filter(({ apiGroups, resources }) => apiGroups.includes('') && resources.includes(resource))
      .map(({ resourceNames = ['*'], verbs }) => `${kind} in ${metadata.namespace}: ${resourceNames.join()}: ${verbs.join()}`),
  );
}

const BUNDLE = ['Role in ops: *: create', 'Role in ops: virt-steward-grpc-ca: get,list,watch,update'];

describe('rights that security between agents and manager needs', () => {
  it('are, for certificates of our own, two Secrets and a ConfigMap by name, in the namespace of the operator', async () => {
    expect(await rightsOn('secrets')).to.have.members([
      'Role in ops: *: create',
      'Role in ops: virt-steward-grpc-ca: get,list,watch,update',
      'Role in ops: virt-steward-grpc-tls: get,list,watch,update',
    ]);
    expect(await rightsOn('configmaps')).to.have.members(BUNDLE);
  });

  it('include the Secret of the agents with --grpc-mtls', async () => {
    expect(await rightsOn('secrets', '--grpc-mtls')).to.include('Role in ops: virt-steward-wol-agent-tls: get,list,watch,update');
  });

  it('let a certificate of somebody else be read only', async () => {
    expect(await rightsOn('secrets', '--grpc-tls-mode=existingSecret', '--grpc-tls-secret=my-tls')).to.deep.equal([
      'Role in ops: my-tls: get,list,watch',
    ]);
    expect(await rightsOn('configmaps', '--grpc-tls-mode=existingSecret')).to.have.members(BUNDLE);
  });

  it('include reading the authority of OpenShift in its mode', async () => {
    expect(await rightsOn('secrets', '--grpc-tls-mode=service-ca')).to.deep.equal(['Role in ops: virt-steward-grpc-tls: get,list,watch']);
    expect(await rightsOn('configmaps', '--grpc-tls-mode=service-ca')).to.have.members([
      ...BUNDLE,
      'Role in ops: openshift-service-ca.crt: get,list,watch',
    ]);
  });

  it('are none in compatibility mode', async () => {
    expect(await rightsOn('secrets', '--grpc-insecure')).to.deep.equal([]);
    expect(await rightsOn('configmaps', '--grpc-insecure')).to.deep.equal([]);
  });
});
