/** RFC 6902 as far as the API server takes it. */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/** One path segment escaped by RFC 6901, for keys such as `example.org/name`. */
export function pathSegment(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}
