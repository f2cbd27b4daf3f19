/**
 * Makes `src/wol/protocol/generated/*.ts` from the .proto files beside it.
 *
 *     node build/hack/generators/proto.js            writes what differs
 *     node build/hack/generators/proto.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: how a .proto file becomes a descriptor as JSON and the types of its messages. Never: anything at run time; the command
 * line tool is one bundled file and reads no .proto from disk.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type AnyNestedObject, common, Enum, type Field, Namespace, parse, type ReflectionObject, Root, Service, Type } from 'protobufjs';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const PROTO_DIR = 'src/wol/protocol';
const GENERATED_DIR = `${PROTO_DIR}/generated`;
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
    `// ${GENERATED_MARK}${PROTO_DIR}/${protoFile}; DO NOT EDIT.`,
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

/** The generated files of all .proto files below `root`. */
function protoFiles(root: string): GeneratedFiles {
  return new Map(
    PROTO_FILES.map((file) => [
      `${GENERATED_DIR}/${basename(file, '.proto')}-descriptor.ts`,
      generate(file, readFileSync(join(root, PROTO_DIR, file), 'utf8')),
    ]),
  );
}

const PROTO: Generator = { folder: GENERATED_DIR, source: `${PROTO_DIR}/*.proto`, files: protoFiles };

if (require.main === module) main(PROTO);
