/**
 * Turns the .proto files into TypeScript.
 *
 * Owns: `src/wol/protocol/generated/*.ts`, each holding the descriptor of one .proto file as JSON and the types of its messages.
 * Never: anything at run time; the command line tool is one bundled file and reads no .proto from disk.
 *
 * Usage: `node build/hack/generators/proto.js [--check]`, from the root of the repository. `--check` writes nothing and ends
 * with exit code 1 when a generated file differs from what the .proto gives.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type AnyNestedObject, common, Enum, type Field, Namespace, parse, type ReflectionObject, Root, Service, Type } from 'protobufjs';

const PROTO_DIR = join('src', 'wol', 'protocol');
const GENERATED_DIR = join(PROTO_DIR, 'generated');
const PROTO_FILES = ['wol.proto', 'health.proto'];

/** How the wire types look in TypeScript. 64-bit integers are numbers: every one of ours stays far below 2^53. */
const TYPE_OF: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'boolean',
  bytes: 'Uint8Array',
  uint32: 'number',
  int32: 'number',
  int64: 'number',
  uint64: 'number',
};

/** The TypeScript source for one .proto file. */
export function generate(protoFile: string, source: string): string {
  const root = new Root();
  root.addJSON(commonTypes(source));
  parse(source, root, { alternateCommentMode: true, preferTrailingComment: false });
  root.resolveAll();

  const name = basename(protoFile, '.proto');
  return [
    `/** Generated from ${protoFile} by hack/generators/proto.ts; do not edit. */`,
    '',
    ...declarations(root),
    `/** Descriptor of ${protoFile}, for \`fromJSON\` of @grpc/proto-loader. */`,
    `export const ${name.toUpperCase()}_DESCRIPTOR: Readonly<Record<string, unknown>> = ${JSON.stringify(root.toJSON(), undefined, 2)};`,
    '',
  ].join('\n');
}

/** Definitions of the well-known types that the file imports, as protobufjs ships them. */
function commonTypes(source: string): Record<string, AnyNestedObject> {
  const nested: Record<string, AnyNestedObject> = {};
  for (const [, path = ''] of source.matchAll(/^import "([^"]+)";/gm)) {
    const definition = common.get(path);
    if (definition === null) throw new Error(`${path} is not a well-known type; only those may be imported`);
    Object.assign(nested, definition.nested);
  }
  return nested;
}

function declarations(scope: Namespace): string[] {
  return scope.nestedArray.flatMap((object) => {
    if (object instanceof Enum) return enumDeclaration(object);
    if (object instanceof Service) return [];
    if (object instanceof Type) return [...declarations(object), ...interfaceDeclaration(object)];
    return object instanceof Namespace ? declarations(object) : [];
  });
}

function enumDeclaration(object: Enum): string[] {
  const values = Object.entries(object.values).flatMap(([key, value]) => [...doc(object.comments[key], '  '), `  ${key}: ${value},`]);
  return [
    ...doc(object.comment),
    `export const ${object.name} = {`,
    ...values,
    '} as const;',
    `export type ${object.name} = (typeof ${object.name})[keyof typeof ${object.name}];`,
    '',
  ];
}

function interfaceDeclaration(type: Type): string[] {
  if (type.fieldsArray.length === 0) return [...doc(type.comment), `export type ${type.name} = Record<string, never>;`, ''];
  const fields = type.fieldsArray.flatMap((field) => [...doc(field.comment, '  '), `  ${fieldDeclaration(field)}`]);
  return [...doc(type.comment), `export interface ${type.name} {`, ...fields, '}', ''];
}

/** Scalars always have a value after decoding; only a message can be absent. */
function fieldDeclaration(field: Field): string {
  const type = typeName(field.resolvedType, field.type);
  if (field.repeated) return `${field.name}: ${type}[];`;
  return field.resolvedType instanceof Type ? `${field.name}?: ${type} | undefined;` : `${field.name}: ${type};`;
}

function typeName(resolved: ReflectionObject | null, wireType: string): string {
  if (resolved !== null) return resolved.name;
  const name = TYPE_OF[wireType];
  if (name === undefined) throw new Error(`wire type ${wireType} has no TypeScript type; add it to TYPE_OF`);
  return name;
}

function doc(comment: string | null | undefined, indent = ''): string[] {
  return comment ? [`${indent}/** ${comment.replaceAll('\n', ' ')} */`] : [];
}

function main(check: boolean): number {
  let drifted = 0;
  for (const protoFile of PROTO_FILES) {
    const target = join(GENERATED_DIR, `${basename(protoFile, '.proto')}-descriptor.ts`);
    const wanted = generate(protoFile, readFileSync(join(PROTO_DIR, protoFile), 'utf8'));
    if (!check) {
      writeFileSync(target, wanted);
    } else if (readFileSync(target, 'utf8') !== wanted) {
      console.error(`${target} differs from ${protoFile}; run the proto generator and commit the result`);
      drifted++;
    }
  }
  return drifted === 0 ? 0 : 1;
}

if (require.main === module) process.exitCode = main(process.argv.includes('--check'));
