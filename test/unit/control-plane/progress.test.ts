import { expect } from 'chai';
import { Progress } from '../../../hack/control-plane/progress';

/** Collects what is written and lets a test wait for it. */
class Written {
  text = '';
  #changed: () => void = () => {};

  constructor(
    readonly isTTY: boolean,
    readonly columns: number = 80,
  ) {}

  write(text: string): void {
    this.text += text;
    this.#changed();
  }

  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

describe('progress', () => {
  const keepAlive = (): (() => void) => {
    const timer = setInterval(() => {}, 1_000);
    return () => clearInterval(timer);
  };
  let release: () => void;

  beforeEach(() => {
    release = keepAlive();
  });

  afterEach(() => release());

  it('says at once what is being done, and at the end what came of it', () => {
    const written = new Written(false);

    new Progress('building', () => 'detail', written).end('built');

    expect(written.text).to.equal('building\nbuilt (0 s)\n');
  });

  it('writes whole lines into a log, each with what goes on just then', async () => {
    const written = new Written(false);
    let packages = 0;
    const progress = new Progress('building', () => `${++packages} packages`, written, 1);

    await written.until('2 packages');
    progress.end('built');

    expect(written.text).to.match(/^building\n {2}0 s: 1 packages\n {2}0 s: 2 packages\n/);
    expect(written.text).not.to.contain('\r');
  });

  it('keeps to one line on a terminal, cut to its width', async () => {
    const written = new Written(true, 20);
    const progress = new Progress('building', () => `a long package name ${'x'.repeat(100)}`, written, 1);

    await written.until('a long');
    progress.end('built');

    const lines = written.text.split('\n');
    expect(lines).to.have.length(3);
    const shown = lines[1]?.split('\r\u001b[K') ?? [];
    expect(shown.at(1)).to.equal('  0 s: a long packa');
    expect(shown.at(-1)).to.equal('built (0 s)');
  });

  it('is silent after its end', async () => {
    const written = new Written(false);
    const other = new Written(false);
    const progress = new Progress('building', () => 'detail', written, 1);
    progress.end('built');
    const text = written.text;

    const later = new Progress('other', () => 'later', other, 1);
    await other.until('later');
    later.end('done');

    expect(written.text).to.equal(text);
  });
});
