import { expect } from 'chai';
import { Narration } from '../../../../hack/demo/narration';

describe('the narration of the demo', () => {
  function told(isTTY: boolean, tell: (narration: Narration) => void): string[] {
    const chunks: string[] = [];
    tell(new Narration(2, { isTTY, write: (text) => chunks.push(text) }, isTTY));
    return chunks.join('').split('\n').slice(0, -1);
  }

  const story = (narration: Narration): void => {
    narration.step('starting');
    narration.note('has started');
    narration.step('stopping');
    narration.last('over');
  };

  it('numbers the steps and puts the time in front of every line', () => {
    expect(told(false, story).map((line) => line.replace(/\d+\.\d s/, 'T s'))).to.deep.equal([
      '   T s  1/2  starting',
      '   T s       has started',
      '   T s  2/2  stopping',
      '   T s       over',
    ]);
  });

  it('says the same on a terminal, with steps in bold', () => {
    const lines = told(true, story);

    expect(lines[0])
      .to.match(/^ +\d\.\d s {2}/)
      .and.to.contain('  \u001b[1m1/2  starting\u001b[0m');
    expect(lines[1]).to.match(/^ +\d\.\d s {7}has started$/);
  });

  it('names the step that a failure belongs to', () => {
    const narration = new Narration(2, { write: () => true });
    expect(narration.currentStep).to.equal('the beginning');

    narration.step('starting');

    expect(narration.currentStep).to.equal('step 1 (starting)');
  });
});
