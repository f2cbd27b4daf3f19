import { expect } from 'chai';
import { contributorsOf, IdentityClaims, type RenderedObject } from '../../../../src/platform/catalog';
import { aCatalog, anAsset } from '../support/catalogs';

const e = (source: string): string => `${'$'}{ ${source} }`;

describe('what an object is made of', () => {
  const partsOf = (files: Record<string, string>): string[] => {
    const catalog = aCatalog(files);
    return contributorsOf(catalog, catalog.assetByName('a')!).map(({ name }) => name);
  };
  const other = (header: object): string => anAsset({ name: 'b', ...header }, { metadata: { name: 'b', namespace: 'ns' } });

  it('is its asset, and its fragments', () => {
    expect(partsOf({ 'a.yaml': anAsset(), 'b.yaml': other({}) })).to.deep.equal(['a']);
    expect(partsOf({ 'a.yaml': anAsset(), 'b.yaml': anAsset({ name: 'b', into: 'a' }) })).to.deep.equal(['a', 'b']);
  });

  it('is every asset of a union where it is in one', () => {
    expect(
      partsOf({ 'a.yaml': anAsset({ union: 'u' }), 'b.yaml': other({ union: `u-${e('params.x')}`, params: { x: 1 } }) }),
    ).to.deep.equal(['a', 'b']);
    expect(partsOf({ 'a.yaml': anAsset(), 'b.yaml': other({ union: 'u' }) })).to.deep.equal(['a']);
  });
});

describe('what an asset is known to read', () => {
  const readsOf = (header: object, data: object = {}): string[] =>
    [...aCatalog({ 'a.yaml': anAsset(header, { data }) }).assets[0]!.reads].sort();

  it('is every variable of the context in header and object', () => {
    expect(
      readsOf({ vars: { x: 'hco.spec.x' }, when: ['hardware.gpuPresent'], forEach: 'topology.roles' }, { a: e('images["a"]') }),
    ).to.deep.equal(['hardware', 'hco', 'images', 'topology']);
  });

  it('is what its requirements ask of the context as well', () => {
    expect(readsOf({ requires: ['feature:hco', 'feature:openshift', 'feature:olm'] })).to.deep.equal(['cluster', 'settings', 'topology']);
  });

  it('is no variable for options, which are told by name', () => {
    const [asset] = aCatalog({ 'a.yaml': anAsset({ switch: 'x' }, { data: { a: e('option("size", "")') } }) }).assets;

    expect([...asset!.reads]).to.deep.equal([]);
    expect(asset!.options.map(({ name }) => name)).to.deep.equal(['enable-x', 'size']);
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
