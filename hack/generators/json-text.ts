/** JSON as the formatter of this repository writes it. Pure. */

/** Of the formatter, see biome.json. */
const LINE_WIDTH = 140;

/** Objects over several lines; arrays on one line while they fit. Without a line break at the end. */
export function jsonText(value: unknown, indent = '', prefixChars = 0): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const short = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    const isFlat = value.every((item) => typeof item !== 'object' || item === null);
    if (value.length === 0 || (isFlat && indent.length + prefixChars + short.length < LINE_WIDTH)) return short;
    return `[\n${value.map((item) => inner + jsonText(item, inner)).join(',\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => {
    const name = `${JSON.stringify(key)}: `;
    return inner + name + jsonText(item, inner, name.length);
  });
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`;
}
