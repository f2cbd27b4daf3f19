/**
 * Says what is wrong with the text of a selector, before a server is asked.
 *
 * Owns: the two grammars. Pure. Never: knows which labels or fields there are.
 * @source k8s.io/apimachinery/pkg/labels (Parse) and k8s.io/apimachinery/pkg/fields (ParseSelector).
 */

const TOKEN = /==|!=|[=!<>(),]|[^\s=!<>(),]+/g;
const SYMBOL = /^[=!<>(),]/;
const NAME = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
/** What keys of labels and annotations, and types of conditions are: a name of at most 63 characters, with or without `<domain>/`. */
export const QUALIFIED_NAME = new RegExp(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?${NAME}$`);
const LABEL_VALUE = new RegExp(`^(${NAME})?$`);
/** `\` stands before what would end a value: comma, equals sign, itself. */
const FIELD_TERM = /^([^=!,\\]*)(==|=|!=)((?:[^\\,=]|\\[\\,=])*)$/;
const FIELD = /^[A-Za-z][-A-Za-z0-9_]*(\.[A-Za-z][-A-Za-z0-9_]*)*$/;

/** @returns one phrase for people; `undefined` = nothing. */
export function labelSelectorMistake(text: string): string | undefined {
  const tokens = text.match(TOKEN) ?? [];
  return tokens.length === 0 ? undefined : new LabelSelectorReader(tokens).mistake();
}

/** @returns one phrase for people; `undefined` = nothing. */
export function fieldSelectorMistake(text: string): string | undefined {
  for (const term of text.match(/(?:\\.|[^\\,])+\\?|\\/gs) ?? []) {
    const field = FIELD_TERM.exec(term)?.[1];
    if (field === undefined) return `${JSON.stringify(term)} is not <field>=<value> or <field>!=<value>`;
    if (!FIELD.test(field)) return `${JSON.stringify(field)} is not the dotted name of a field`;
  }
  return undefined;
}

/** Reads requirements one after the other; the first mistake ends it, because what follows cannot be told apart. */
class LabelSelectorReader {
  private at = 0;

  constructor(private readonly tokens: readonly string[]) {}

  mistake(): string | undefined {
    for (;;) {
      const wrong = this.requirement();
      if (wrong !== undefined) return wrong;
      if (this.at === this.tokens.length) return undefined;
      if (!this.take(',')) return this.expected('","');
    }
  }

  private requirement(): string | undefined {
    const isNegated = this.take('!');
    const key = this.word();
    if (key === undefined) return this.expected('a label key');
    if (!QUALIFIED_NAME.test(key)) return `${JSON.stringify(key)} is not a label key`;
    if (isNegated || this.at === this.tokens.length || this.tokens[this.at] === ',') return undefined;
    if (this.take('in') || this.take('notin')) return this.list();
    if (this.take('<') || this.take('>')) {
      const limit = this.word() ?? '';
      return /^-?\d+$/.test(limit) ? undefined : `${JSON.stringify(limit)} is not a whole number`;
    }
    if (this.take('=') || this.take('==') || this.take('!=')) return valueMistake(this.word() ?? '');
    return this.expected('an operator or ","');
  }

  private list(): string | undefined {
    if (!this.take('(')) return this.expected('"("');
    if (this.take(')')) return 'its list of values is empty';
    for (;;) {
      const wrong = valueMistake(this.word() ?? '');
      if (wrong !== undefined) return wrong;
      if (this.take(')')) return undefined;
      if (!this.take(',')) return this.expected('"," or ")"');
    }
  }

  private take(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at += 1;
    return true;
  }

  private word(): string | undefined {
    const token = this.tokens[this.at];
    if (token === undefined || SYMBOL.test(token)) return undefined;
    this.at += 1;
    return token;
  }

  private expected(what: string): string {
    const token = this.tokens[this.at];
    return token === undefined ? `it ends where ${what} should be` : `${JSON.stringify(token)} stands where ${what} should be`;
  }
}

function valueMistake(value: string): string | undefined {
  return LABEL_VALUE.test(value) ? undefined : `${JSON.stringify(value)} is not a label value`;
}
