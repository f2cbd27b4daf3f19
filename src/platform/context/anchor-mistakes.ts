/**
 * Finds values of the anchor's annotations that mean nothing, of those that no asset reads as an option.
 *
 * Owns: which values they may have, in words. Never: decides what counts instead; whoever reads an annotation does. Pure.
 * Invariant: says the name of the annotation and what is allowed, and of the value nothing: it may be a secret in the wrong place.
 */
import type { KubernetesObject } from '../../framework';
import { ENABLE_PREFIX, GOLDEN_CONFIG_ANNOTATION, ON_REMOVAL_ANNOTATION, PCI_CLASSES_ANNOTATION } from '../keys';
import { pciClassPartsOf } from './node-hardware';

/** The first is what counts where the value is none of them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  [ON_REMOVAL_ANNOTATION]: ['keep', 'delete'],
  [GOLDEN_CONFIG_ANNOTATION]: ['fill', 'enforce'],
};

/** @returns one sentence each, sorted by the name of the annotation. */
export function anchorMistakesOf({ metadata }: KubernetesObject): readonly string[] {
  return Object.entries(metadata?.annotations ?? {})
    .map(([name, value]) => [name, value.trim()] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => mistakeIn(name, value))
    .filter((mistake) => mistake !== undefined)
    .sort();
}

function mistakeIn(name: string, value: string): string | undefined {
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  if (words !== undefined)
    return words.includes(value) ? undefined : `the annotation ${name} is refused; allowed: ${words.join(', ')}; ${words[0]} is used`;
  if (name.startsWith(ENABLE_PREFIX))
    return ['true', 'false'].includes(value) ? undefined : `the annotation ${name} is refused; allowed: true, false; the default is used`;
  if (name !== PCI_CLASSES_ANNOTATION || pciClassPartsOf(value).every(({ isValid }) => isValid)) return undefined;
  return `the annotation ${name} is refused in part; allowed: classes such as 0108, or with a vendor 0200_15b3, joined by commas; the others count`;
}
