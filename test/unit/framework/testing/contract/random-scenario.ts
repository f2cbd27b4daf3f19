/**
 * Random histories of one object: applies, patches, updates and deletes by several managers.
 *
 * Invariant: a seed always gives the same history, so that a difference between two servers can be run again.
 */
import type { Json } from '../http-client';
import type { Scenario, Session } from './transcript';

/** Mulberry32: small, seeded, good enough to choose among a few. */
class Dice {
  constructor(private state: number) {}

  /** 0 to sides - 1. */
  roll(sides: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.roll(choices.length)]!;
  }

  some<T>(choices: readonly T[]): T[] {
    return choices.filter(() => this.roll(2) === 0);
  }
}

const WORDS = ['a', 'b', 'c'] as const;

function randomSpec(dice: Dice): Json {
  const spec: Json = { size: 1 + dice.roll(3) };
  if (dice.roll(2) === 0) spec['color'] = dice.pick(['red', 'green', 'blue']);
  if (dice.roll(2) === 0) spec['tags'] = dice.some(WORDS);
  if (dice.roll(2) === 0) spec['plain'] = dice.some(WORDS);
  if (dice.roll(2) === 0) spec['settings'] = Object.fromEntries(dice.some(WORDS).map((word) => [word, dice.pick(WORDS)]));
  if (dice.roll(2) === 0)
    spec['parts'] = dice.some(WORDS).map((name) => ({ name, ...(dice.roll(2) === 0 ? { count: dice.roll(3) } : {}) }));
  if (dice.roll(3) === 0)
    spec['ports'] = [{ port: 80 + dice.roll(2), ...(dice.roll(2) === 0 ? { protocol: 'UDP' } : {}), label: dice.pick(WORDS) }];
  if (dice.roll(3) === 0) spec['whole'] = Object.fromEntries(dice.some(['a', 'b']).map((word) => [word, dice.pick(WORDS)]));
  if (dice.roll(3) === 0) spec['nested'] = { deep: dice.roll(2) === 0 ? { level: dice.roll(4) } : {} };
  if (dice.roll(3) === 0) spec['free'] = { [dice.pick(WORDS)]: dice.pick<unknown>([1, ['x'], { y: { z: 1 } }, {}]) };
  return spec;
}

function randomMetadata(dice: Dice): Json {
  const metadata: Json = { name: 'one' };
  if (dice.roll(3) === 0)
    metadata['labels'] = Object.fromEntries([dice.pick(WORDS), ...dice.some(WORDS)].map((word) => [word, dice.pick(WORDS)]));
  if (dice.roll(4) === 0)
    metadata['finalizers'] = [...new Set([dice.pick(WORDS), ...dice.some(WORDS)])].map((word) => `contract.test/${word}`);
  return metadata;
}

async function step(dice: Dice, s: Session): Promise<void> {
  const path = `${s.widgets}/one`;
  const widget = { apiVersion: 'contract.test/v1', kind: 'Widget', metadata: randomMetadata(dice) };
  const manager = dice.pick(['m1', 'm2', 'm3']);
  const force = dice.roll(2) === 0 ? '&force=true' : '';
  switch (dice.roll(8)) {
    case 0:
    case 1:
    case 2:
      await s.apply(path, manager, { ...widget, spec: randomSpec(dice) }, force);
      return;
    case 3: {
      const conditions = dice.some(['Ready', 'Healthy']).map((type) => ({ type, status: dice.pick(['True', 'False']) }));
      await s.apply(
        `${path}/status`,
        manager,
        { ...widget, metadata: { name: 'one' }, status: { phase: dice.pick(WORDS), conditions } },
        force,
      );
      return;
    }
    case 4:
      await s.mergePatch(path, { metadata: randomMetadata(dice), spec: randomSpec(dice) }, `?fieldManager=${manager}`);
      return;
    case 5:
      await s.mergePatch(`${path}/status`, { status: { phase: dice.pick(WORDS) } }, `?fieldManager=${manager}`);
      return;
    case 6: {
      const live = await s.quietly('GET', path);
      if (live['kind'] === 'Widget') await s.send('PUT', path, { body: { ...live, spec: randomSpec(dice) }, userAgent: manager });
      return;
    }
    default:
      if (dice.roll(3) === 0) await s.send('DELETE', path);
      else
        await s.mergePatch(
          path,
          { spec: { [dice.pick(['tags', 'plain', 'settings', 'parts', 'nested', 'color'])]: null } },
          `?fieldManager=${manager}`,
        );
  }
}

/** @param seed any integer. @param steps requests sent, about. */
export function randomScenario(seed: number, steps: number): Scenario {
  return {
    title: `follows the random history ${seed}`,
    async run(s) {
      const dice = new Dice(seed);
      for (let i = 0; i < steps; i++) await step(dice, s);
    },
  };
}
