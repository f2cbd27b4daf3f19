/**
 * Takes secrets out of text and fields before anyone reads them.
 *
 * Owns: what counts as a secret in a message or a log field, and how long a field may be. Never: throws, changes its argument.
 * Invariant: the last step before output; nothing is added after it.
 */

/** What stands in for a secret. */
export const MASKED = '[masked]';
/** What stands in for a proxy or a getter that throws. */
export const UNREADABLE = '[unreadable]';
/** A field is cut here, in UTF-16 code units: enough for a message, too little to flood a log. */
export const MAX_FIELD_CHARS = 2_048;
/** Deeper structures are not printed. */
const MAX_DEPTH = 8;
/** Longer lists are cut. */
const MAX_ITEMS = 100;
const CUT = '…[cut]';

/**
 * Field names whose value is never printed, compared without case, dashes, underscores and dots. A name matches when it ends
 * in one of these words, so that `clientSecret` and `registry-password` are caught and `tokenReview` is not.
 */
const SECRET_NAME =
  /(token|tokens|password|passwd|passphrase|secret|secrets|authorization|credential|credentials|apikey|accesskey|privatekey|clientkeydata|clientkey|userdata|userdatabase64|networkdata|cookie|setcookie|kubeconfig|bearer)$/;
/** Names that end in such a word and hold a name, not a value. */
const HARMLESS_NAME = /^(automountserviceaccounttoken|imagepullsecrets)$/;

/** True for fields such as `token`, `client-key-data`, `userData`, `Authorization`. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[-_.\s]/g, '');
  return SECRET_NAME.test(plain) && !HARMLESS_NAME.test(plain);
}

const PEM_BLOCK = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g;
/** Scheme and credential of an Authorization header, wherever it stands. */
const BEARER = /\b(bearer|basic)(\s+|%20)[-A-Za-z0-9._~+/%]{6,}=*/gi;
/** Three base64url parts, the first being a JSON object. */
const JWT = /\beyJ[-A-Za-z0-9_]{8,}\.[-A-Za-z0-9_]+\.[-A-Za-z0-9_]*/g;
/** `scheme://user:password@host`; the password may hold anything but white space and quotes up to the last at sign. */
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>@]+(?:@[^\s/?#"'<>@]+)*@/gi;
/** `"token": "x"`, `password=x`, `client-key-data: x` inside a text. */
const NAMED_VALUE =
  /((?<![-\w.])[-\w.]*(?:token|password|passwd|passphrase|secret|authorization|api[-_]?key|client[-_]?key(?:[-_]?data)?|user[-_]?data(?:base64)?)["']?\s*(?:=|:)\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}"']+)/gi;

/**
 * Masks what looks like a secret in free text, escapes control characters and cuts it.
 *
 * @param maxChars longest result, in UTF-16 code units.
 */
export function maskText(text: string, maxChars: number = MAX_FIELD_CHARS): string {
  const masked = shortened(text, maxChars * 4)
    .replace(PEM_BLOCK, MASKED)
    .replace(URL_CREDENTIALS, `$1${MASKED}@`)
    .replace(BEARER, `$1 ${MASKED}`)
    .replace(JWT, MASKED)
    .replace(NAMED_VALUE, (_all, name: string) => `${name}${MASKED}`);
  return cut(escapeControls(masked), maxChars);
}

/** Cuts a text far too long before the patterns run over it, at a white space: half a secret may look like none. */
function shortened(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  let end = maxChars;
  while (end > 0 && !/\s/.test(text[end - 1]!)) end--;
  return end === 0 ? `[one word of ${text.length} characters]` : `${text.slice(0, end)}${CUT}`;
}

/** Control characters (also C1, and the marks that reorder or break lines) as \u escapes; tabs and line ends as \t, \n, \r. */
export function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    if (char === '\n') return '\\n';
    if (char === '\r') return '\\r';
    if (char === '\t') return '\\t';
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Masks a message for conditions, Events and errors: one line, cut at `maxChars`. */
export function maskMessage(text: string, maxChars: number = MAX_FIELD_CHARS): string {
  return maskText(text, maxChars * 2)
    .replace(/\\[nrt]/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, maxChars);
}

/** Masks a field's value of any shape; the result holds only JSON values. What cannot be read says so. */
export function maskValue(value: unknown, name = ''): unknown {
  try {
    return maskAt(value, name, 0, new Set());
  } catch {
    return UNREADABLE;
  }
}

function maskAt(value: unknown, name: string, depth: number, parents: Set<object>): unknown {
  if (name !== '' && isSecretName(name) && typeof value !== 'boolean' && value !== undefined) return MASKED;
  if (typeof value === 'string') return maskText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (parents.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deeper]';
  parents.add(value);
  try {
    return maskObject(value, depth, parents);
  } finally {
    parents.delete(value);
  }
}

function maskObject(value: object, depth: number, parents: Set<object>): unknown {
  if (value instanceof Error) return { type: value.name, message: maskText(value.message) };
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return maskList(value, depth, parents);
  if (value instanceof Set) return maskList([...value], depth, parents);
  const entries: [string, unknown][] = value instanceof Map ? [...value].map(([k, v]) => [String(k), v]) : entriesOf(value);
  const isSecret = isSecretObject(entries);
  const masked: Record<string, unknown> = {};
  for (const [key, inner] of entries.slice(0, MAX_ITEMS)) {
    const isPayload = isSecret && (key === 'data' || key === 'stringData');
    define(masked, maskText(key, 256), isPayload ? MASKED : maskAt(inner, key, depth + 1, parents));
  }
  if (entries.length > MAX_ITEMS) masked['…'] = `${entries.length - MAX_ITEMS} more`;
  return masked;
}

function maskList(items: readonly unknown[], depth: number, parents: Set<object>): unknown[] {
  const masked = items.slice(0, MAX_ITEMS).map((item) => maskAt(item, '', depth + 1, parents));
  if (items.length > MAX_ITEMS) masked.push(`${items.length - MAX_ITEMS} more`);
  return masked;
}

/** Own enumerable fields; a getter that throws is left out. `toJSON` is honoured, as JSON output would. */
function entriesOf(value: object): [string, unknown][] {
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const json = attempt(() => (toJSON as () => unknown).call(value));
    return typeof json === 'object' && json !== null ? Object.entries(json) : [['value', json]];
  }
  return Object.keys(value).map((key) => [key, attempt(() => (value as Record<string, unknown>)[key])]);
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return '[unreadable]';
  }
}

/** An object of kind Secret, or a list item that looks like one: only Secrets have type and data beside metadata. */
function isSecretObject(entries: readonly [string, unknown][]): boolean {
  const field = (name: string): unknown => entries.find(([key]) => key === name)?.[1];
  if (field('kind') === 'Secret') return true;
  return typeof field('type') === 'string' && typeof field('data') === 'object' && typeof field('metadata') === 'object';
}

/** Assigns without running the setter of `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const end = maxChars - CUT.length;
  // Not between the halves of a surrogate pair.
  const last = text.charCodeAt(end - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}${CUT}`;
}
