import { expect } from 'chai';
import { Settings, UsageError } from '../../../src/framework';
import { PLATFORM_FLAGS, type PlatformSettings, platformSettings } from '../../../src/platform/settings';

const FACTS = { namespace: 'ns', version: '1', metricsPort: 0, metricsSecure: true, inCluster: false };
const settings = (environment: Record<string, string> = {}): PlatformSettings =>
  platformSettings(new Settings(PLATFORM_FLAGS, {}, environment), FACTS);

describe('the flags of the platform module', () => {
  it('are optional: five writes a minute, eight assets at a time, a resync every ten minutes, the catalog that is shipped', () => {
    expect(settings()).to.deep.include({
      activation: 'always',
      throttleCapacity: 5,
      throttleWindowMs: 60_000,
      concurrency: 8,
      resyncMs: 600_000,
    });
    expect(settings().assetsDirectory).to.match(/assets$/);
  });

  const REFUSED: readonly (readonly [string, string, string])[] = [
    ['PLATFORM_ACTIVATION', 'sometimes', 'always, annotation'],
    ['THROTTLE_CAPACITY', '0', '1 to 1000'],
    ['THROTTLE_CAPACITY', '1001', '1 to 1000'],
    ['THROTTLE_WINDOW', '10ms', '1s to 3600s'],
    ['PLATFORM_CONCURRENCY', '65', '1 to 64'],
    ['PLATFORM_RESYNC', '30s', '60s to 86400s'],
    ['PLATFORM_ASSETS_DIR', '/nonexistent', 'a directory that holds catalog.yaml'],
    ['RUNBOOK_URL', 'ftp://example.org', 'https://'],
  ];
  for (const [variable, value, allowed] of REFUSED) {
    it(`refuse ${variable}=${value} with one line that names it and what is allowed`, () => {
      expect(() => settings({ [variable]: value }))
        .to.throw(UsageError, value)
        .with.property('message')
        .that.contains(variable);
      expect(() => settings({ [variable]: value })).to.throw(UsageError, allowed);
    });
  }

  it('take the address of runbooks with or without a slash at its end', () => {
    expect(settings({ RUNBOOK_URL: 'https://example.org/a' }).runbookUrl).to.equal('https://example.org/a/');
  });
});
