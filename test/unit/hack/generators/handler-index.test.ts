import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runGenerator } from '../../../../hack/generators/generator-command';
import { HANDLER_INDEX, handlerIndexes, handlersIn } from '../../../../hack/generators/handler-index';

describe("the list of a module's handlers", () => {
  let root: string;
  const put = (path: string, content: string): void => writeFileSync(join(root, 'src/widgets/handlers', path), content);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'handler-index-'));
    mkdirSync(join(root, 'src/widgets/handlers'), { recursive: true });
    mkdirSync(join(root, 'src/framework'));
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('has every decorated class, by the names of the files', () => {
    put('size-handler.ts', '@Handler({\n  rbac: [],\n})\nexport class SizeHandler {}\n');
    put('colour-handler.ts', '@Handler()\nexport class ColourHandler {}\n\n@Source(Widget)\nexport class Widgets {}\n');
    put('measure.ts', 'export class Measure {}\n');

    const index = handlerIndexes(root).get('src/widgets/handlers/index.ts');
    expect(index).to.contain("import { ColourHandler, Widgets } from './colour-handler';\nimport { SizeHandler } from './size-handler';\n");
    expect(index).to.contain('widgetsHandlers: readonly HandlerClass[] = [ColourHandler, Widgets, SizeHandler];');
  });

  it('takes neither a decorator in a comment nor an undecorated class', () => {
    expect(handlersIn('/**\n * @Handler()\n */\nexport class Plain {}\n')).to.deep.equal([]);
    expect(handlersIn('export class Plain {}\n@Handler()\nexport class Real {}\n')).to.deep.equal(['Real']);
  });

  it('is one class a line when it is long', () => {
    const names = [1, 2, 3, 4].map((n) => `SomeHandlerWithAVeryLongNameIndeed${n}`);
    put('long.ts', names.map((name) => `@Handler()\nexport class ${name} {}\n`).join(''));
    expect(handlerIndexes(root).get('src/widgets/handlers/index.ts')).to.contain(`[\n${names.map((name) => `  ${name},\n`).join('')}];`);
  });

  it('is an error for a folder without any', () => {
    expect(() => handlerIndexes(root)).to.throw('src/widgets/handlers has no class with @Handler() or @Source()');
  });

  it('has drifted when a handler file was added', () => {
    const lines: string[] = [];
    put('size-handler.ts', '@Handler()\nexport class SizeHandler {}\n');
    expect(runGenerator(HANDLER_INDEX, root, [], (line) => lines.push(line))).to.equal(0);
    expect(runGenerator(HANDLER_INDEX, root, ['--check'], (line) => lines.push(line))).to.equal(0);
    put('colour-handler.ts', '@Handler()\nexport class ColourHandler {}\n');
    expect(runGenerator(HANDLER_INDEX, root, ['--check'], (line) => lines.push(line))).to.equal(1);
    expect(readFileSync(join(root, 'src/widgets/handlers/index.ts'), 'utf8')).not.to.contain('Colour');
    expect(lines.at(-1)).to.contain('run npm run generate');
  });
});
