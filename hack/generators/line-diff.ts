/**
 * Shows how two texts differ, line by line.
 *
 * Owns: the diff that a failed drift check prints. Never: patches anything. Invariant: pure; equal texts give no lines.
 */

/** Unchanged lines shown around a change. */
const CONTEXT_LINES = 2;

interface Edit {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/**
 * The differing lines with some context, in unified form: `-` stands only in `before`, `+` only in `after`, `...` for lines left out.
 *
 * @param maxLines longest result; the rest is replaced by one line that counts it.
 */
export function lineDiff(before: string, after: string, maxLines = 40): string[] {
  const edits = editsOf(before.split('\n'), after.split('\n'));
  const shown = withContext(edits);
  if (shown.length <= maxLines) return shown;
  return [...shown.slice(0, maxLines), `... and ${shown.length - maxLines} more lines`];
}

/** The shortest edit script, by the longest common subsequence of the part between equal beginning and end. */
function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const same = (lines: readonly string[]): Edit[] => lines.map((text) => ({ mark: ' ', text }));
  const middle = middleEdits(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))];
}

function middleEdits(before: readonly string[], after: readonly string[]): Edit[] {
  const width = after.length + 1;
  // common[i * width + j]: length of the longest common subsequence of before[i..] and after[j..]
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push({ mark: ' ', text: before[i]! });
      i++;
      j++;
    } else if (i < before.length && (j === after.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      edits.push({ mark: '-', text: before[i++]! });
    } else {
      edits.push({ mark: '+', text: after[j++]! });
    }
  }
  return edits;
}

function withContext(edits: readonly Edit[]): string[] {
  const lines: string[] = [];
  let previous = -1;
  edits.forEach((edit, index) => {
    const nearby = edits.slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1);
    if (nearby.every(({ mark }) => mark === ' ')) return;
    if (index > previous + 1) lines.push('...');
    lines.push(`${edit.mark} ${edit.text}`);
    previous = index;
  });
  return lines;
}
