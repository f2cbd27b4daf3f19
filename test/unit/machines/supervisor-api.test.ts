import { expect } from 'chai';
import { parse } from 'yaml';
import { type Definition, OUR_CRDS, type OurCrd, SupervisorApi } from '../../../src/machines/supervisor-api';
import { crdText } from './clusters/clusters-world';
import { theSettings } from './the-settings';

type Version = NonNullable<Definition['spec']>['versions'][number];

function anApi(change: Partial<Record<OurCrd, (version: Version) => void>> = {}): SupervisorApi {
  const api = new SupervisorApi(theSettings());
  for (const crd of OUR_CRDS) {
    const definition = parse(crdText(crd)) as Definition;
    change[crd]?.(definition.spec!.versions[0]!);
    api.see(crd, definition);
  }
  return api;
}

describe('what the supervisor serves of the API', () => {
  it('is fine with our own CRDs', () => {
    expect(anApi().problem).to.equal(undefined);
    expect(anApi().profile).to.equal('first');
  });

  it('says what is wrong with a CRD of somebody else', () => {
    const problem = (change: Parameters<typeof anApi>[0]): string | undefined => anApi(change).problem;

    expect(problem({ machines: (version) => void Object.assign(version, { served: false }) })).to.equal(
      "CRD 'machines.vitistack.io' is not compatible: version v1alpha1 is not served",
    );
    expect(problem({ machines: (version) => void delete version.subresources })).to.equal(
      "CRD 'machines.vitistack.io' is not compatible: status subresource is missing",
    );
    expect(problem({ kubevirtconfigs: (version) => void delete version.schema })).to.equal(
      "CRD 'kubevirtconfigs.vitistack.io' is not compatible: spec.kubeconfigSecretRef is missing",
    );
  });

  it('knows which fields a schema keeps', () => {
    const api = anApi();
    expect(api.keeps('machines', 'status.kubevirtConfigRef')).to.equal(true);
    expect(api.keeps('machines', 'status.kubevirtConfigRef.clusterID')).to.equal(true);
    expect(api.keeps('machines', 'status.unheardOf')).to.equal(false);
  });

  it('tells a cluster without any of the definitions from one that lacks some', () => {
    const api = anApi();
    api.see('machines', undefined);
    expect(api.isAbsent).to.equal(false);
    api.see('kubevirtconfigs', undefined);
    api.see('networkconfigurations', undefined);

    expect(api.isAbsent).to.equal(true);
  });

  it('tells of every change', () => {
    const api = anApi();
    let told = 0;
    const end = api.onChange(() => void told++);
    api.see('machines', undefined);
    expect(api.problem).to.contain('missing required CRDs/resources: vitistack.io/v1alpha1 machines');
    end();
    api.see('machines', undefined);
    expect(told).to.equal(1);
  });
});
