import { expect } from 'chai';
import { PAUSED_ANNOTATION } from '../../../src/platform/keys';
import { annotationFields, type BaselineStage, BaselineStages } from './baseline-stage';

const MINUTE_MS = 60_000;

describe('an edit war over one object on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  const gadget = () => stage.gadget({ size: 1 });
  /** A rival that changes the size before each of our runs. */
  const fight = async (rounds: number, pauseMs: number): Promise<string[]> => {
    const statuses: string[] = [];
    for (let round = 0; round < rounds; round++) {
      await stage.mergeAs('rival', { spec: { size: 100 + round } });
      statuses.push((await stage.run(gadget())).status);
      await stage.clock.advance(pauseMs);
    }
    return statuses;
  };

  it('ends with one pause that names the rival, after which nothing is written until the annotation is removed', async () => {
    await stage.run(gadget());
    stage.events.length = 0;
    const statuses = await fight(10, 1_000);

    expect(statuses).to.deep.equal([...Array(4).fill('Applied'), 'Throttled', 'Throttled', 'Paused', 'Paused', 'Paused', 'Paused']);
    expect(stage.thrashing).to.equal(1);
    const thrashing = stage.events.filter((event) => event.startsWith('ThrashingDetected'));
    expect(thrashing).to.have.length(1);
    expect(thrashing[0]).to.contain('"rival" (Update)').and.to.contain('/spec/size');
    const live = (await stage.live())!;
    expect(live.metadata.annotations).to.deep.equal({ [PAUSED_ANNOTATION]: 'true' });
    expect(annotationFields(await stage.entry('virt-steward-pause'))).to.have.property(`f:${PAUSED_ANNOTATION}`);
    expect(live.spec).to.include({ size: 109 });

    stage.restart();
    expect(await stage.run(gadget())).to.include({ status: 'Paused' });
    await stage.annotate({ [PAUSED_ANNOTATION]: null });
    expect(await stage.run(gadget())).to.include({ status: 'Applied' });
    expect(await stage.spec()).to.include({ size: 1 });
  });

  it('is resumed with a full bucket in the same process', async () => {
    await stage.run(gadget());
    await fight(8, 1_000);
    await stage.annotate({ [PAUSED_ANNOTATION]: null });
    stage.told();

    expect(await fight(5, 1_000)).to.deep.equal(Array(5).fill('Applied'));
    expect(stage.told()[0]).to.equal('Resumed');
  });

  it('at twelve writes a minute is noticed as well', async () => {
    await stage.run(gadget());
    const statuses = await fight(20, 5_000);

    expect(statuses.at(-1)).to.equal('Paused');
    expect(stage.thrashing).to.equal(1);
  });

  it('is none when it is our own input that changes all the time', async () => {
    const statuses: string[] = [];
    for (let round = 0; round < 12; round++) statuses.push((await stage.run(stage.gadget({ size: round }))).status);

    expect(statuses).to.deep.equal([...Array(5).fill('Applied'), ...Array(7).fill('Throttled')]);
    expect(stage.thrashing).to.equal(0);
  });

  for (const [failure, why] of [
    ['refused', 'nobody may annotate this'],
    ['pruned', 'it was removed on the way'],
  ] as const) {
    it(`whose pause is ${failure} is held in memory for ten minutes, and then tried once more`, async () => {
      await stage.run(gadget());
      stage.pauseFailure = failure;
      stage.events.length = 0;
      await fight(7, 1_000);

      const held = await stage.run(gadget());
      expect(held).to.include({ status: 'Paused', isPaused: true, wrote: false });
      expect(held.retryAfterMs).to.be.within(1, 10 * MINUTE_MS);
      expect(stage.events.find((event) => event.includes('in memory'))).to.contain(why);
      await stage.clock.advance(10 * MINUTE_MS);
      stage.pauseFailure = undefined;
      expect(await stage.run(gadget())).to.include({ status: 'Paused', isPaused: true });
      expect((await stage.live())?.metadata.annotations).to.deep.equal({ [PAUSED_ANNOTATION]: 'true' });
      expect(stage.thrashing).to.equal(1);
    });
  }

  it('whose pause somebody removes again and again is held in memory as well', async () => {
    await stage.run(gadget());
    for (let round = 0; round < 4; round++) {
      await fight(8, 100);
      await stage.annotate({ [PAUSED_ANNOTATION]: null });
    }

    expect(stage.told().filter((reason) => reason === 'PauseContested')).to.have.length(1);
    expect(await stage.run(gadget())).to.include({ status: 'Paused', wrote: false });
    await stage.clock.advance(10 * MINUTE_MS);
    expect(await stage.run(gadget())).to.include({ status: 'Applied' });
  });

  it('that is slow is told as a contested field, without a pause', async () => {
    await stage.run(gadget());
    stage.told();
    await fight(11, 5 * MINUTE_MS);

    expect(stage.told().filter((reason) => reason === 'ContestedField')).to.have.length(1);
    expect((await stage.run(gadget())).isContested).to.equal(true);
    expect(stage.thrashing).to.equal(0);
  });
});
