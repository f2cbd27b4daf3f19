import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeApiServer } from '../../../src/framework/testing';
import { objectsIn, ROOT } from '../../harness/steward-cluster';
import { call, type Json } from '../framework/testing/http-client';

const EXAMPLES = join(ROOT, 'examples');
const folders = readdirSync(EXAMPLES).filter((name) => /^\d\d-/.test(name));
const crdFiles = ['crds', 'examples/crds'].flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(ROOT, folder, name)));

function textOf(...path: string[]): string {
  return readFileSync(join(ROOT, ...path), 'utf8');
}

describe('the examples', () => {
  it('are all in the table, in order', () => {
    const rows = [...textOf('examples', 'README.md').matchAll(/^\| \[(\d\d-[^\]]+)\]\(([^)]+)\)/gm)].map(([, title, link]) => [
      title,
      link,
    ]);
    expect(rows).to.deep.equal(folders.map((name) => [name, name]));
  });

  for (const folder of folders) {
    it(`${folder} has a handler, a test, and a README that tells how it is run and what comes next`, () => {
      const files = readdirSync(join(EXAMPLES, folder), { recursive: true, encoding: 'utf8' });
      expect(files.filter((name) => /(^|[-/])handler\.ts$/.test(name))).not.to.deep.equal([]);
      expect(files.filter((name) => name.endsWith('.test.ts'))).not.to.deep.equal([]);
      const readme = textOf('examples', folder, 'README.md');
      expect(readme).to.contain(folder.slice(0, 2));
      expect(readme).to.match(new RegExp(`npm run example -- ${folder}\\b|npm run test:examples|npm install`));
    });
  }

  it('have manifests that the API server takes', async () => {
    await using server = await FakeApiServer.start({ crdFiles });
    const files = folders.flatMap((folder) => readdirSync(join(EXAMPLES, folder)).map((name) => `${folder}/${name}`));
    for (const file of files.filter((name) => name.endsWith('.yaml'))) {
      for (const object of objectsIn(textOf('examples', file))) {
        const { group, plural } = placeOf(object.apiVersion, object.kind);
        const namespace = object.metadata.namespace === undefined ? '' : `/namespaces/${object.metadata.namespace}`;
        const path = `${group}${namespace}/${plural}?fieldValidation=Strict&dryRun=All`;
        const { status, body } = await call({ baseUrl: server.url }, 'POST', path, { body: object as unknown as Json });
        expect(status, `${file}: ${JSON.stringify(body)}`).to.equal(201);
      }
    }
  });
});

function placeOf(apiVersion: string, kind: string): { group: string; plural: string } {
  return { group: apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`, plural: `${kind.toLowerCase()}s` };
}
