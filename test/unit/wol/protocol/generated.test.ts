import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { generate } from '../../../../hack/generators/proto';

const PROTOCOL_DIR = join('src', 'wol', 'protocol');

describe('generated descriptors', () => {
  for (const name of ['wol', 'health']) {
    it(`of ${name}.proto are what its text gives`, () => {
      const proto = readFileSync(join(PROTOCOL_DIR, `${name}.proto`), 'utf8');
      expect(readFileSync(join(PROTOCOL_DIR, 'generated', `${name}-descriptor.ts`), 'utf8')).to.equal(generate(`${name}.proto`, proto));
    });
  }

  it('change when a field number does', () => {
    const proto = readFileSync(join(PROTOCOL_DIR, 'wol.proto'), 'utf8');
    expect(generate('wol.proto', proto.replace('dest_port = 7', 'dest_port = 70'))).to.not.equal(generate('wol.proto', proto));
  });

  it('refuse a wire type that has no TypeScript type yet', () => {
    expect(() => generate('x.proto', 'syntax = "proto3"; message X { sfixed64 a = 1; }')).to.throw(
      'wire type sfixed64 has no TypeScript type; add it to TYPE_OF',
    );
  });

  it('refuse an import that is no well-known type', () => {
    expect(() => generate('x.proto', 'syntax = "proto3";\nimport "other.proto";')).to.throw(
      'other.proto is not a well-known type; only those may be imported',
    );
  });
});
