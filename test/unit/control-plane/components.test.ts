import { expect } from 'chai';
import { parse } from 'yaml';
import {
  apiServerArgs,
  auditArgs,
  auditPolicy,
  COMPONENTS,
  controllerManagerArgs,
  etcdArgs,
  filesIn,
  schedulerArgs,
} from '../../../hack/control-plane/components';
import { kubeconfigText } from '../../../hack/control-plane/kubeconfig';

describe('the command lines of a control plane', () => {
  const files = filesIn('/control-plane');
  const all = {
    etcd: etcdArgs(files),
    'kube-apiserver': [...apiServerArgs(files, '127.0.0.1', 23_456, true), ...auditArgs(files)],
    'kube-controller-manager': controllerManagerArgs(files),
    'kube-scheduler': schedulerArgs(files),
  };

  for (const component of COMPONENTS) {
    it(`give ${component} each flag once`, () => {
      const names = all[component].map((arg) => arg.split('=')[0]);

      expect(names).to.deep.equal([...new Set(names)]);
    });
  }

  it('listen nowhere but on the loopback address and in the directory', () => {
    expect(all['kube-apiserver']).to.include.members(['--bind-address=127.0.0.1', '--secure-port=23456']);
    expect(all.etcd.filter((arg) => arg.startsWith('--listen-'))).to.deep.equal([
      '--listen-client-urls=unix:///control-plane/etcd.sock',
      '--listen-peer-urls=unix:///control-plane/etcd-peer.sock',
    ]);
    expect(all['kube-controller-manager']).to.include('--secure-port=0');
    expect(all['kube-scheduler']).to.include('--secure-port=0');
  });

  it('authorize by RBAC alone', () => {
    expect(all['kube-apiserver']).to.include('--authorization-mode=RBAC');
  });

  it('let pods be created without service accounts only when nobody makes them', () => {
    const flag = '--disable-admission-plugins=ServiceAccount';

    expect(apiServerArgs(files, '127.0.0.1', 1, false)).to.include(flag);
    expect(apiServerArgs(files, '127.0.0.1', 1, true)).not.to.include(flag);
  });

  it('record what the given users ask for, without bodies, and nothing of anybody else', () => {
    expect((JSON.parse(auditPolicy(['somebody'])) as { rules: unknown }).rules).to.deep.equal([
      { level: 'Metadata', users: ['somebody'] },
      { level: 'None' },
    ]);
  });

  it('keep every file in the directory', () => {
    expect(Object.values(files).filter((file) => !file.startsWith('/control-plane/'))).to.deep.equal([]);
    expect(new Set(Object.values(files)).size).to.equal(Object.values(files).length);
  });
});

describe('a kubeconfig', () => {
  const fields = { server: 'https://127.0.0.1:1', caData: 'Y2E=', token: 'token: "quoted"', user: 'system:serviceaccount:ns:name' };

  it('leads from its current context to the server and the token', () => {
    expect(parse(kubeconfigText({ ...fields, namespace: 'ns' }))).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'control-plane', cluster: { server: fields.server, 'certificate-authority-data': 'Y2E=' } }],
      users: [{ name: fields.user, user: { token: fields.token } }],
      contexts: [{ name: fields.user, context: { cluster: 'control-plane', user: fields.user, namespace: 'ns' } }],
      'current-context': fields.user,
    });
  });

  it('names no namespace unless one is given', () => {
    expect(kubeconfigText(fields)).not.to.contain('namespace');
  });
});
