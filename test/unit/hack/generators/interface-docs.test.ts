import { expect } from 'chai';
import { commentBefore, optionsOf } from '../../../../hack/generators/interface-docs';

const SOURCE = `/** The file. */
export interface First {
  /** Comes first. */
  a: string;
}

/** What it is for. @throws {never} */
export interface WidgetOptions<T extends Widget> extends Base<T> {
  /** In pixels. @default 4 */
  size?: number;
  /**
   * Two lines,
   * one meaning. @default { a: 1 }
   */
  readonly shape?: { a?: number; b?: string };
  /** A function. */
  when?(widget: T): boolean;
  name: string | undefined;
}

export interface Other {
  /** Not of the widget. */
  other: string;
}
`;

describe('options in the documentation', () => {
  const documented = SOURCE.replace('  name:', '  /** Its name. */\n  name:');

  it('are the members of the interface with type, default and comment, and those of no other', () => {
    expect(optionsOf(documented, 'WidgetOptions')).to.deep.equal([
      { name: 'size', required: false, type: 'number', default: '4', text: 'In pixels.' },
      { name: 'shape', required: false, type: '{ a?: number; b?: string }', default: '{ a: 1 }', text: 'Two lines, one meaning.' },
      { name: 'when', required: false, type: '(widget: T) => boolean', default: '', text: 'A function.' },
      { name: 'name', required: true, type: 'string | undefined', default: '', text: 'Its name.' },
    ]);
  });

  it('must each have a doc comment', () => {
    expect(() => optionsOf(SOURCE, 'WidgetOptions')).to.throw('WidgetOptions.name has no doc comment');
  });

  it('must be of an interface that exists', () => {
    expect(() => optionsOf(SOURCE, 'Widget')).to.throw('there is no interface Widget');
  });

  it('are introduced by the comment of the interface, not by that of the file', () => {
    expect(commentBefore(SOURCE, 'export interface WidgetOptions')).to.equal('What it is for.');
    expect(commentBefore(SOURCE, 'export interface First')).to.equal('');
  });
});
