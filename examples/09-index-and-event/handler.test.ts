import { expect } from 'chai';
import { Node, Pod } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { handlers } from './handler';

const aPod = (name: string, nodeName?: string): Pod => ({
  metadata: { namespace: 'default', name },
  spec: nodeName === undefined ? {} : { nodeName },
});

describe('09-index-and-event', () => {
  it('tells how many Pods are left on a node that is being drained, until there are none', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock });
    const logger = new RecordingLogger();
    server.objects.create(Node, { metadata: { name: 'n1' } });
    server.objects.seed(Pod, [aPod('a', 'n1'), aPod('b', 'n1'), aPod('c', 'n2'), aPod('not-scheduled')]);
    await using operator = await TestOperator.start({ handlers, server, clock, logger });

    server.objects.update(Node, 'n1', (node) => {
      node.spec = { unschedulable: true };
    });
    await operator.settle();
    for (const key of ['default/a', 'default/b']) {
      server.objects.delete(Pod, key);
      await operator.advance(11_000);
    }
    await operator.advance(60_000);

    const reports = logger.lines.filter(({ message }) => message === 'node is being drained');
    expect(reports.map(({ fields }) => [fields['name'], fields['left'], fields['gone']])).to.deep.equal([
      ['n1', 2, 0],
      ['n1', 1, 1],
      ['n1', 0, 2],
    ]);
  });
});
