import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { refusalOf } from '../../harness/server-dry-run';
import { installCrds, objectsIn, ROOT } from '../../harness/steward-cluster';

const FOLDER = join(ROOT, 'examples', 'machines');

describe('examples of Machines', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
  let controlPlane: ControlPlane;

  before(async () => {
    controlPlane = await startControlPlane();
    const api = new AdminApi(controlPlane);
    await installCrds(api);
    for (const name of ['lab', 'virt-steward-system']) await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });

  after(() => controlPlane?.stop());

  for (const file of files) {
    it(`${file} holds only what the API server takes, without unknown fields`, async () => {
      const objects = objectsIn(readFileSync(join(FOLDER, file), 'utf8'));
      expect(objects).to.not.deep.equal([]);
      for (const object of objects) expect(await refusalOf(controlPlane, object, 'lab')).to.deep.equal([]);
    });
  }
});
