/**
 * Options in the body of a subresource request.
 *
 * Owns: parsing, and KubeVirt's leniency: no body is fine, unknown fields are ignored, YAML mappings pass as JSON objects do.
 * Never: decides what an option means.
 * Invariant: a body that parses has fields of the right type only.
 */
import { parse } from 'yaml';

export interface RequestOptions {
  readonly paused: boolean;
  readonly dryRun: boolean;
  /** Seconds; of stop requests. */
  readonly gracePeriod?: number;
  /** Seconds; of restart requests. */
  readonly gracePeriodSeconds?: number;
}

export type ParsedBody =
  | { readonly kind: 'options'; readonly options: RequestOptions }
  | { readonly kind: 'malformed'; readonly why: string };

const NO_OPTIONS: RequestOptions = { paused: false, dryRun: false };

/** @param body the request body, undecoded; empty or white space means no options. */
export function parseRequestBody(body: string): ParsedBody {
  if (body.trim() === '') return { kind: 'options', options: NO_OPTIONS };
  let value: unknown;
  try {
    value = body.trimStart().startsWith('{') ? JSON.parse(body) : parse(body);
  } catch (error) {
    return malformed(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
  if (value === null || value === undefined) return { kind: 'options', options: NO_OPTIONS };
  if (typeof value !== 'object' || Array.isArray(value)) return malformed('cannot unmarshal a value that is not an object');
  return optionsOf(value as Record<string, unknown>);
}

function optionsOf(fields: Record<string, unknown>): ParsedBody {
  const { paused, dryRun, gracePeriod, gracePeriodSeconds } = fields;
  if (isSet(paused) && typeof paused !== 'boolean') return malformed('cannot unmarshal field paused: allowed: true or false');
  if (isSet(dryRun) && !(Array.isArray(dryRun) && dryRun.every((item) => typeof item === 'string'))) {
    return malformed('cannot unmarshal field dryRun: allowed: a list of strings');
  }
  if (isSet(gracePeriod) && !Number.isInteger(gracePeriod)) return malformed('cannot unmarshal field gracePeriod: allowed: an integer');
  if (isSet(gracePeriodSeconds) && !Number.isInteger(gracePeriodSeconds)) {
    return malformed('cannot unmarshal field gracePeriodSeconds: allowed: an integer');
  }
  return {
    kind: 'options',
    options: {
      paused: paused === true,
      dryRun: Array.isArray(dryRun) && dryRun.length > 0,
      ...(typeof gracePeriod === 'number' ? { gracePeriod } : {}),
      ...(typeof gracePeriodSeconds === 'number' ? { gracePeriodSeconds } : {}),
    },
  };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function malformed(why: string): ParsedBody {
  return { kind: 'malformed', why: `Can not unmarshal Request body to struct, error: ${why}` };
}
