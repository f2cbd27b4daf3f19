/** Text: YAML, JSON, comma lists, data URLs. What cannot be parsed is an error, never an empty value. */
import type { Environment } from '@marcbachmann/cel-js';
import { type Document, parseDocument, stringify } from 'yaml';
import { isCyclic, type Json } from '../../json';
import { type CelValue, celValueOf, jsonOf } from '../cel-values';
import { dataUrl, dataUrlGzip } from '../data-url';
import { ExpressionError } from '../expression-error';
import { YAML_STYLE, yamlWith } from './yaml-set';

/** As many aliases as a file of the catalog may have. */
const MAX_ALIASES = 100;

export function registerTextFunctions(environment: Environment): void {
  const pure = { async: false };
  environment.registerFunction('toYaml(dyn): string', (value: CelValue) => stringify(jsonOf(value) ?? null, YAML_STYLE), pure);
  environment.registerFunction(
    'fromYaml(string): dyn',
    (text: string) => celValueOf(jsonIn(parsedYaml(text, 'fromYaml'), 'fromYaml')),
    pure,
  );
  environment.registerFunction('toJson(dyn): string', (value: CelValue) => JSON.stringify(jsonOf(value) ?? null), pure);
  environment.registerFunction('fromJson(string): dyn', (text: string) => celValueOf(parsedJson(text)), pure);
  environment.registerFunction('isJson(string): bool', isJson, pure);
  environment.registerFunction('yamlSet(string, string, dyn): string', (text, path, value) => yamlSet(text, path.split('.'), value), pure);
  environment.registerFunction('yamlSet(string, list<string>, dyn): string', yamlSet, pure);
  environment.registerFunction('parseList(string): list<string>', parseList, pure);
  environment.registerFunction('dataUrl(string): string', dataUrl, pure);
  environment.registerFunction('dataUrlGzip(string): string', dataUrlGzip, pure);
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

/** The text itself stays out of the message: it may be somebody's configuration. */
function parsedYaml(text: string, name: string): Document {
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const [line] = error.linePos ?? [];
    throw new ExpressionError(`${name}() got text that is no YAML document: ${error.code} in line ${line?.line ?? 1}`);
  }
  return document;
}

function jsonIn(document: Document, name: string): Json {
  let value: Json;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
  } catch (error) {
    throw new ExpressionError(`${name}() got YAML with more than ${MAX_ALIASES} aliases`, { cause: error });
  }
  if (isCyclic(value)) throw new ExpressionError(`${name}() got YAML with an alias inside of what it names`);
  return value;
}

function parsedJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new ExpressionError('fromJson() got text that is no JSON');
  }
}

/** For options, whose refusal has to name the annotation, as `fromJson` cannot. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Sets one member and keeps everything else of the text as it is written. A blank text is an empty map. */
function yamlSet(text: string, path: readonly string[], value: CelValue): string {
  const document = parsedYaml(text, 'yamlSet');
  jsonIn(document, 'yamlSet');
  if (path.length === 0 || path.includes('')) throw new ExpressionError('yamlSet() got a path with an empty part');
  try {
    return yamlWith(document, text, path, jsonOf(value) ?? null);
  } catch (error) {
    throw error instanceof TypeError ? new ExpressionError(`yamlSet() ${error.message}`) : error;
  }
}
