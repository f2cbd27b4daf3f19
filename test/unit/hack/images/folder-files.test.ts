import { join } from 'node:path';
import { expect } from 'chai';
import { folderFiles } from '../../../../hack/images/files';

const ASSETS = join(__dirname, '..', '..', '..', '..', '..', 'assets');

describe('files of a folder in an image', () => {
  it('are those that are wanted, under their target', () => {
    const paths = folderFiles(ASSETS, 'opt/assets', (path) => !path.startsWith('crds')).map(({ path }) => path);

    expect(paths).to.include.members(['opt/assets/catalog.yaml', 'opt/assets/hco', 'opt/assets/hco/golden-config.yaml']);
    expect(paths.filter((path) => path.includes('crds'))).to.deep.equal([]);
    expect(folderFiles(ASSETS, 'opt/assets').some(({ path }) => path.startsWith('opt/assets/crds/'))).to.equal(true);
  });
});
