/**
 * Which image the agents of a config run, and whether the config may choose it.
 *
 * Owns: the allow list. Never: asks a registry. Invariant: an image that a config names runs only if its repository is that of the
 * default image or matches an entry of the list.
 */

/** An image reference without tag and digest. */
export function repositoryOf(image: string): string {
  const [named = ''] = image.split('@');
  return named.replace(/:[^/:]*$/, '');
}

export class AllowedImages {
  private readonly patterns: readonly RegExp[];

  /** @param entries repositories; `*` stands for any run of characters. */
  constructor(
    readonly defaultImage: string,
    entries: readonly string[],
  ) {
    this.patterns = entries.map((entry) => new RegExp(`^${entry.split('*').map(literally).join('.*')}$`));
  }

  allows(image: string): boolean {
    const repository = repositoryOf(image);
    return repository === repositoryOf(this.defaultImage) || this.patterns.some((pattern) => pattern.test(repository));
  }
}

/** `refused` names the image that the config asked for and may not have. */
export type ImageChoice = { readonly image: string } | { readonly refused: string };

/** @param wanted `spec.agent.image`; absent and empty mean the default. */
export function chooseImage(wanted: string | undefined, allowed: AllowedImages): ImageChoice {
  if (wanted === undefined || wanted === '') return { image: allowed.defaultImage };
  return allowed.allows(wanted) ? { image: wanted } : { refused: wanted };
}

/** Whether an entry of the allow list can match a repository at all: one with a tag or a digest never does. */
export function isRepositoryPattern(entry: string): boolean {
  return /^\S+$/.test(entry) && repositoryOf(entry) === entry;
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
