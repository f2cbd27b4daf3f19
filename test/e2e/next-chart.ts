/** A later version of the chart: another version, other images, one more field in the definition of WolConfig. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CHART } from '../harness/helm';
import { NEXT_VERSION } from './images';

const BEFORE = '                discoveryMode:\n';

/** @returns a folder that the caller removes. */
export function nextChart(): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt-steward-chart-'));
  cpSync(CHART, folder, { recursive: true });
  edit(join(folder, 'Chart.yaml'), (text) => text.replace(/^(version|appVersion): .*$/gm, `$1: ${NEXT_VERSION}`));
  edit(join(folder, 'templates/crds/wol.pillon.org_wolconfigs.yaml'), (text) =>
    text.replace(BEFORE, `                addedLater:\n                  type: string\n${BEFORE}`),
  );
  return folder;
}

function edit(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8');
  const changed = change(text);
  expect(changed, file).not.to.equal(text);
  writeFileSync(file, changed);
}
