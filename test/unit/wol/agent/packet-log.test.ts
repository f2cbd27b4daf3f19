import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { PacketLog } from '../../../../src/wol/agent/packet-log';

describe('packet log', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  let log: PacketLog;

  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    log = new PacketLog(logger, clock);
  });

  const write = (count: number): void => {
    for (let i = 0; i < count; i++) log.info('packet', { i });
  };

  it('writes ten lines a second and says how many it left out', async () => {
    write(25);
    await clock.advance(1_000);
    expect(logger.messages('info')).to.deep.equal([...Array<string>(10).fill('packet'), 'packet lines left out']);
    expect(logger.lines.at(-1)?.fields).to.deep.equal({ count: 15 });
  });

  it('says nothing more when nothing was left out', async () => {
    write(10);
    await clock.advance(1_000);
    write(10);
    await clock.advance(1_000);
    expect(logger.messages('info')).to.deep.equal(Array<string>(20).fill('packet'));
  });

  it('says what it left out when it is closed, and leaves no timer', () => {
    write(11);
    log.close();
    expect(logger.lines.at(-1)).to.deep.include({ message: 'packet lines left out', fields: { count: 1 } });
    expect(clock.pendingTimers).to.equal(0);
  });
});
