import { expect } from 'chai';
import { containerOf, DOMAIN, defaultSettings } from '../../../src/cli/modules';
import { buildRegistry, OPERATOR_NAMESPACE, rbacRules, Settings } from '../../../src/framework';
import { GRPC_SECURITY_FLAGS, grpcSecurity } from '../../../src/wol/grpc-settings';
import { trustHandlers } from '../../../src/wol/trust';

type Flags = Partial<Record<(typeof GRPC_SECURITY_FLAGS)[number]['key'], string>>;

/** `resource names: verbs` for every rule about Secrets or ConfigMaps, all of which are in the namespace of the operator. */
function rightsOn(resource: 'secrets' | 'configmaps', flags: Flags = {}): string[] {
  const grpc = grpcSecurity(new Settings(GRPC_SECURITY_FLAGS, flags, {}));
  const container = containerOf({ ...defaultSettings(), wol: { ...defaultSettings().wol, grpc } });
  const registry = buildRegistry({ handlers: [...trustHandlers(grpc)], domain: DOMAIN, container });
  return rbacRules(registry, { get: (token) => container.resolve(token) })
    .filter((rule) => rule.group === '' && rule.resource === resource)
    .map(({ names, verbs, namespace }) => {
      expect(namespace).to.equal(OPERATOR_NAMESPACE);
      return `${names.join() || 'any'}: ${verbs.join()}`;
    });
}

const BUNDLE = ['any: create', 'virt-steward-grpc-ca: get,list,watch,update'];

describe('rights that security between agents and manager needs', () => {
  it('are, for certificates of our own, two Secrets and a ConfigMap by name, in the namespace of the operator', () => {
    expect(rightsOn('secrets')).to.have.members([
      'any: create',
      'virt-steward-grpc-ca: get,list,watch,update',
      'virt-steward-grpc-tls: get,list,watch,update',
    ]);
    expect(rightsOn('configmaps')).to.have.members(BUNDLE);
  });

  it('include the Secret of the agents with --grpc-mtls', () => {
    expect(rightsOn('secrets', { grpcMtls: 'true' })).to.include('virt-steward-wol-agent-tls: get,list,watch,update');
  });

  it('let a certificate of somebody else be read only', () => {
    expect(rightsOn('secrets', { grpcTlsMode: 'existingSecret', grpcTlsSecret: 'my-tls' })).to.deep.equal(['my-tls: get,list,watch']);
    expect(rightsOn('configmaps', { grpcTlsMode: 'existingSecret' })).to.have.members(BUNDLE);
  });

  it('include reading the authority of OpenShift in its mode', () => {
    expect(rightsOn('secrets', { grpcTlsMode: 'service-ca' })).to.deep.equal(['virt-steward-grpc-tls: get,list,watch']);
    expect(rightsOn('configmaps', { grpcTlsMode: 'service-ca' })).to.have.members([...BUNDLE, 'openshift-service-ca.crt: get,list,watch']);
  });

  it('are none in compatibility mode', () => {
    expect(rightsOn('secrets', { grpcInsecure: 'true' })).to.deep.equal([]);
    expect(rightsOn('configmaps', { grpcInsecure: 'true' })).to.deep.equal([]);
  });
});
