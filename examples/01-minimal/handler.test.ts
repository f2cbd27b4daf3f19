import { expect } from 'chai';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { handlers, WolConfig } from './handler';

const MESSAGE = 'a WolConfig is there';

describe('01-minimal', () => {
  it('logs the WolConfigs that exist, those that come, and those that change', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, kinds: [WolConfig] });
    const logger = new RecordingLogger();
    server.objects.create(WolConfig, { metadata: { name: 'lab' }, spec: { discoveryMode: 'Explicit' } });

    await using operator = await TestOperator.start({ handlers, server, clock, logger });
    server.objects.create(WolConfig, { metadata: { name: 'office' } });
    await operator.settle();
    server.objects.update(WolConfig, 'office', (config) => {
      config.spec = { discoveryMode: 'LabelSelector' };
    });
    await operator.settle();

    const logged = logger.lines.filter(({ message }) => message === MESSAGE).map(({ fields }) => [fields['name'], fields['mode']]);
    expect(logged).to.deep.equal([
      ['lab', 'Explicit'],
      ['office', 'All'],
      ['office', 'LabelSelector'],
    ]);
  });
});
