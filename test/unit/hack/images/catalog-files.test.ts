import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { catalogFiles } from '../../../../hack/images/files';
import { loadCatalog } from '../../../../src/platform/catalog';
import { CATALOG } from '../../../harness/catalog-sample';
import { ROOT } from '../../../harness/steward-cluster';

describe('the catalog in the image of the manager', () => {
  it('is whole, and has no schemas of other projects', () => {
    const root = mkdtempSync(join(tmpdir(), 'image-catalog-'));
    try {
      for (const { path, content } of catalogFiles(join(ROOT, 'assets'))) {
        if (content === undefined) continue;
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), content);
        expect(path)
          .to.match(/^opt\/virt-steward\/assets\//)
          .and.not.to.contain('/crds/');
      }

      const { assets } = loadCatalog(join(root, 'opt', 'virt-steward', 'assets'));

      expect(assets.map(({ name }) => name)).to.deep.equal(CATALOG.assets.map(({ name }) => name));
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
