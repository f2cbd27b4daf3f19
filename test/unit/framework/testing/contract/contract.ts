/**
 * The contract between the fake API server and kube-apiserver: every scenario must read the same on both.
 *
 * `generated/answers.json` holds what kube-apiserver answered; the unit test compares the fake with it, the integration test the real server.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerUnderTest } from '../http-client';
import { APPLY_SCENARIOS } from './apply-scenarios';
import { createNamespace } from './kinds';
import { randomScenario } from './random-scenario';
import { READ_SCENARIOS } from './read-scenarios';
import { type Recorded, type Scenario, transcriptOf } from './transcript';
import { WRITE_SCENARIOS } from './write-scenarios';

/** Random histories among the recorded ones; the integration test compares many more. */
const RECORDED_SEEDS = [1, 2, 3, 4, 5];

/** Requests of a random history. */
export const HISTORY_STEPS = 14;

export const CONTRACT: readonly Scenario[] = [
  ...WRITE_SCENARIOS,
  ...APPLY_SCENARIOS,
  ...READ_SCENARIOS,
  ...RECORDED_SEEDS.map((seed) => randomScenario(seed, HISTORY_STEPS)),
];

/** In the source tree: compiled tests run from build/. */
const ANSWERS_FILE = join(process.cwd(), 'test/unit/framework/testing/contract/generated/answers.json');

export type Answers = Record<string, Recorded[]>;

export function recordedAnswers(): Answers {
  return JSON.parse(readFileSync(ANSWERS_FILE, 'utf8')) as Answers;
}

/** One answer a line, so that a difference between two Kubernetes versions reads well. */
export function recordAnswers(answers: Answers): void {
  const scenarios = Object.entries(answers).map(([title, recorded]) => {
    const lines = recorded.map((answer) => `  ${JSON.stringify(answer)}`).join(',\n');
    return ` ${JSON.stringify(title)}: [\n${lines}\n ]`;
  });
  writeFileSync(ANSWERS_FILE, `{\n${scenarios.join(',\n')}\n}\n`);
}

let runs = 0;

/** Runs one scenario in a namespace of its own. */
export async function runScenario(server: ServerUnderTest, scenario: Scenario): Promise<Recorded[]> {
  const namespace = `contract-${process.pid}-${runs++}`;
  await createNamespace(server, namespace);
  return transcriptOf(server, scenario, namespace);
}
