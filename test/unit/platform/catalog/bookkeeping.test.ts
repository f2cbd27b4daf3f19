import { expect } from 'chai';
import { haveInputsChanged, IdentityClaims, type RenderedObject } from '../../../../src/platform/catalog';
import { aContext, type ContextParts } from '../support/asset-context';
import { aCatalog, anAsset } from '../support/catalogs';

const e = (source: string): string => `${'$'}{ ${source} }`;

describe('inputs of an asset', () => {
  const changed = (
    header: object,
    data: object,
    before: ContextParts,
    after: ContextParts,
    files: Record<string, string> = {},
  ): boolean => {
    const catalog = aCatalog({ 'a.yaml': anAsset(header, { data }), ...files });
    return haveInputsChanged(catalog, catalog.assetByName('a')!, aContext(before), aContext(after));
  };

  it('change when a variable changes that an expression reads', () => {
    const data = { a: e('topology.workerCount') };

    expect(changed({}, data, { topology: { workerCount: 1 } }, { topology: { workerCount: 2 } })).to.equal(true);
    expect(changed({}, data, { topology: { workerCount: 1 } }, { topology: { workerCount: 1 } })).to.equal(false);
    expect(changed({}, data, { hardware: { gpuPresent: true } }, {})).to.equal(false);
  });

  it('change when an annotation changes that it reads, its switch included, and with no other', () => {
    const data = { a: e('option("size", "")') };
    const header = { switch: 'x' };

    expect(changed(header, data, {}, { options: { size: '1' } })).to.equal(true);
    expect(changed(header, data, {}, { options: { 'enable-x': 'false' } })).to.equal(true);
    expect(changed(header, data, { options: { other: '1' } }, { options: { other: '2' } })).to.equal(false);
  });

  it('change with what it requires of the context', () => {
    expect(changed({ requires: ['feature:hco'] }, {}, { settings: { hcoPresent: false } }, {})).to.equal(true);
    expect(changed({ requires: ['feature:openshift'] }, {}, {}, { topology: { isOpenShift: true } })).to.equal(true);
  });

  it('change with those of its fragments', () => {
    const files = { 'b.yaml': anAsset({ name: 'b', into: 'a' }, { data: { b: e('hardware.gpuPresent') } }) };

    expect(changed({}, {}, {}, { hardware: { gpuPresent: true } }, files)).to.equal(true);
    expect(changed({}, {}, {}, { hardware: { gpuPresent: true } })).to.equal(false);
  });
});

describe('claims to an object', () => {
  const object = (name: string, apiVersion = 'a.io/v1'): RenderedObject => ({ apiVersion, kind: 'A', metadata: { name, namespace: 'ns' } });

  it('meet when two keys render the same object, in whichever version', () => {
    const claims = new IdentityClaims();

    expect(claims.claim('one', object('x'))).to.deep.equal([]);
    expect(claims.claim('two', object('y'))).to.deep.equal([]);
    expect(claims.claim('two', object('x', 'a.io/v2'))).to.deep.equal(['one']);
    expect(claims.claim('one', object('x'))).to.deep.equal(['two']);
  });

  it('end when a key renders something else, or nothing', () => {
    const claims = new IdentityClaims();
    claims.claim('one', object('x'));
    claims.claim('two', object('x'));

    expect(claims.release('two')).to.deep.equal(['one']);
    expect(claims.claim('one', object('x'))).to.deep.equal([]);
    claims.claim('one', object('y'));
    expect(claims.keysOf({ apiVersion: 'a.io/v1', kind: 'A', name: 'x', namespace: 'ns' })).to.deep.equal([]);
    expect(claims.keysOf({ apiVersion: 'a.io/v3', kind: 'A', name: 'y', namespace: 'ns' })).to.deep.equal(['one']);
    expect(claims.release('nobody')).to.deep.equal([]);
  });
});
