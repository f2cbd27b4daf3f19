/** The Containerfile as it reads. Enough of the format for that file: continued lines, comments, no here-documents. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from './steward-cluster';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  /** Those of the stage that it begins with included. */
  readonly instructions: readonly Instruction[];
}

export const CONTAINERFILE = readFileSync(join(ROOT, 'hack', 'images', 'Containerfile'), 'utf8');

export function stagesOf(text: string): Stage[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    expect(name, `an instruction in "${line}"`).not.to.equal('');
    const [from] = rest.split(' ');
    const before = stages.find((stage) => stage.name === from)?.instructions ?? [];
    if (name === 'FROM') stages.push({ name: / AS (\S+)$/.exec(rest)?.[1] ?? '', instructions: [...before] });
    else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

/** The texts of all instructions of a name. */
export function textsOf({ instructions }: Stage, name: string): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}
