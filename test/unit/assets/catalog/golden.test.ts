import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { gunzipSync, strFromU8 } from 'fflate';
import { stringify } from 'yaml';
import { isJsonMap, type Json } from '../../../../src/platform/json';
import { CATALOG, type Row, rowsOf } from '../../../harness/catalog-sample';
import { SAMPLES } from '../../../harness/catalog-samples';
import { ROOT } from '../../../harness/steward-cluster';

const FOLDER = join(ROOT, 'test', 'unit', 'assets', 'catalog', 'golden');
/** Set to write the files anew; look at the difference then. */
const UPDATE = process.env['STEWARD_UPDATE_GOLDEN'] !== undefined;
const DATA_URL = 'data:;base64,';

/** Long payloads by their digest, which also tells when a library packs the same text into other bytes; short ones as what they say. */
function readable(value: Json): Json {
  if (Array.isArray(value)) return value.map(readable);
  if (isJsonMap(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, readable(member)]));
  if (typeof value !== 'string' || !value.startsWith(DATA_URL)) return value;
  const bytes = Buffer.from(value.slice(DATA_URL.length), 'base64');
  if (bytes[0] !== 0x1f) return `(base64) ${bytes.toString('utf8')}`;
  const [title = ''] = strFromU8(gunzipSync(bytes)).split('\n').slice(1);
  return `(gzip, base64) sha256:${createHash('sha256').update(value).digest('hex')} ${title}`;
}

function documentOf(key: string, row: Row): string {
  if (row.kind !== 'object') return `# ${key}: ${row.kind === 'failed' ? `${row.reason}: ${row.message}` : `${row.kind}: ${row.why}`}\n`;
  const fill = row.fill.length === 0 ? '' : `# offered: ${row.fill.join(', ')}\n`;
  return `---\n# ${key}\n${fill}${stringify(readable(row.object as unknown as Json), { lineWidth: 0 })}`;
}

describe('the catalog', () => {
  for (const [name, sample] of Object.entries(SAMPLES)) {
    it(`renders as written down on the cluster ${name}`, async () => {
      const rows = await rowsOf(sample);
      const actual = [...rows].map(([key, row]) => documentOf(key, row)).join('');
      const file = join(FOLDER, `${name}.yaml`);
      if (UPDATE) writeFileSync(file, actual);
      expect(existsSync(file) ? readFileSync(file, 'utf8') : '').to.equal(actual);
    });
  }

  it('renders every asset on one of these clusters', async () => {
    const rendered = new Set<string>();
    const keys = new Set<string>();
    for (const sample of Object.values(SAMPLES)) {
      for (const [key, row] of await rowsOf(sample)) {
        keys.add(key);
        if (row.kind === 'object') rendered.add(key);
        expect(row.kind, `${key}: ${JSON.stringify(row)}`).not.to.equal('failed');
      }
    }
    const parts = CATALOG.assets.filter(({ into }) => into !== undefined).map((asset) => asset.name);
    expect([...keys].filter((key) => !rendered.has(key) && !parts.includes(key))).to.deep.equal([]);
  });

  it('gives the same bytes each time', async () => {
    const sample = SAMPLES['everything-compact']!;
    const once = JSON.stringify([...(await rowsOf(sample))]);
    expect(JSON.stringify([...(await rowsOf(sample))])).to.equal(once);
  });
});
