import { expect } from 'chai';
import { snippetModule } from '../../../../hack/snippets/snippet-module';

const document = (...lines: string[]): string => lines.join('\n');

describe('the TypeScript of a document', () => {
  it('is what stands in its blocks and in its hidden comments, each line where it was', () => {
    const markdown = document(
      '# Title',
      '<!-- ts',
      'class A {',
      '-->',
      'Text.',
      '```ts',
      '  b(): void {}',
      '```',
      '<!-- ts',
      '}',
      '-->',
      'End.',
    );

    const lines = snippetModule('a.md', markdown)!.split('\n');

    expect(lines.slice(0, 12)).to.deep.equal(['', '', 'class A {', '', '', '', '  b(): void {}', '', '', '}', '', '']);
    expect(lines.slice(12)).to.deep.equal(['export {};', '']);
  });

  it('leaves out other languages, comments and text, also when they show such a block', () => {
    const markdown = document('```sh', '```', '<!-- note', '-->', '```md', '<!-- ts', 'not code', '-->', '```', '```yaml', 'a: b', '```');

    expect(snippetModule('a.md', markdown)).to.equal(undefined);
  });

  it('names the place of a block that does not end', () => {
    expect(() => snippetModule('docs/a.md', document('Text.', '```ts', 'a();'))).to.throw(
      'docs/a.md:2: the block that begins here does not end',
    );
    expect(() => snippetModule('docs/a.md', document('<!-- ts', '```ts', 'a();', '```'))).to.throw('docs/a.md:1:');
  });
});
