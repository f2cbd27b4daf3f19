/** Everything that is wrong with a catalog, told at once. */
import { OperatorError } from '../../framework';

export interface CatalogProblem {
  /** Below the directory of the catalog. */
  readonly file: string;
  /** Path of the member, such as `asset.when[0]`; absent for the file as a whole. */
  readonly field?: string;
  readonly text: string;
}

export class CatalogError extends OperatorError {
  constructor(readonly problems: readonly CatalogProblem[]) {
    super('CATALOG', problems.map(problemText).join('\n'));
  }
}

function problemText({ file, field, text }: CatalogProblem): string {
  return [file, ...(field === undefined || field === '' ? [] : [field]), text].join(': ');
}

/** Where the parts of the loader put what they find. */
export class Problems {
  readonly found: CatalogProblem[] = [];

  add(file: string, field: string, text: string): void {
    this.found.push({ file, ...(field === '' ? {} : { field }), text });
  }

  /** Runs what throws on a problem. @returns `undefined` when it did. */
  attempt<T>(file: string, field: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.add(file, field, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}
