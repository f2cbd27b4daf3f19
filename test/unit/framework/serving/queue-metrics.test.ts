import { expect } from 'chai';
import { Registry } from 'prom-client';
import { KeyedQueue } from '../../../../src/framework/queue/keyed-queue';
import { QueueMetrics } from '../../../../src/framework/serving/metrics/queue-metrics';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { seriesValue } from './values';

/** A queue of two workers whose runs end when the test says so. */
function aWatchedQueue() {
  const clock = new FakeClock();
  const registry = new Registry();
  const metrics = new QueueMetrics(registry);
  const open = new Map<string, () => void>();
  const queue = new KeyedQueue({
    name: 'things.example.org',
    workers: 2,
    clock,
    hooks: metrics.hooks('things.example.org', 'local'),
    run: (key) => new Promise((resolve) => open.set(key, resolve)),
  });
  const forget = metrics.observe(queue, 'local');
  queue.start();
  const value = (name: string, labels: Record<string, string> = {}): Promise<number | undefined> =>
    seriesValue(registry, name, { name: 'things.example.org', cluster: 'local', ...labels });
  const finish = async (key: string): Promise<void> => {
    open.get(key)!();
    await clock.advance(0);
  };
  return { clock, registry, metrics, queue, value, finish, forget };
}

describe('queue metrics', () => {
  it('tell how many keys wait in each lane', async () => {
    const { clock, queue, value } = aWatchedQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'high');
    for (const key of ['d', 'e']) queue.add(key, 'low');
    queue.add('later', 'high', 60_000);
    await clock.advance(0);

    expect(await value('workqueue_depth', { priority: 'high' })).to.equal(1);
    expect(await value('workqueue_depth', { priority: 'low' })).to.equal(2);
  });

  it('count a key once for each time it becomes ready, however many adds fold into it', async () => {
    const { clock, queue, value, finish } = aWatchedQueue();
    for (let i = 0; i < 3; i++) queue.add('a', 'high');
    await clock.advance(0);
    for (let i = 0; i < 3; i++) queue.add('a', 'high');
    expect(await value('workqueue_adds_total')).to.equal(1);

    await finish('a');
    expect(await value('workqueue_adds_total')).to.equal(2);
  });

  it('tell how long keys waited and worked, in seconds', async () => {
    const { clock, queue, value, finish } = aWatchedQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'high');
    await clock.advance(5_000);
    await finish('a');

    expect(await value('workqueue_work_duration_seconds_sum')).to.equal(5);
    expect(await value('workqueue_queue_duration_seconds_count')).to.equal(3);
    expect(await value('workqueue_queue_duration_seconds_sum')).to.equal(5);
  });

  it('show the age of what runs, and nothing of it once it has ended', async () => {
    const { clock, queue, value, finish } = aWatchedQueue();
    queue.add('a', 'high');
    await clock.advance(2_000);
    queue.add('b', 'high');
    await clock.advance(1_000);

    expect(await value('workqueue_unfinished_work_seconds')).to.equal(4);
    expect(await value('workqueue_longest_running_processor_seconds')).to.equal(3);

    await finish('a');
    await finish('b');
    expect(await value('workqueue_unfinished_work_seconds')).to.equal(0);
    expect(await value('workqueue_longest_running_processor_seconds')).to.equal(0);
  });

  it('show how many workers there are and how many are busy, by the name of the queue', async () => {
    const { clock, registry, queue } = aWatchedQueue();
    queue.add('a', 'high');
    await clock.advance(0);

    const labels = { controller: 'things.example.org' };
    expect(await seriesValue(registry, 'controller_runtime_max_concurrent_reconciles', labels)).to.equal(2);
    expect(await seriesValue(registry, 'controller_runtime_active_workers', labels)).to.equal(1);
  });

  it('show a queue from the start, and its gauges no longer once it was taken out', async () => {
    const { value, forget } = aWatchedQueue();
    expect(await value('workqueue_retries_total')).to.equal(0);
    expect(await value('workqueue_depth', { priority: 'high' })).to.equal(0);

    forget();
    expect(await value('workqueue_depth', { priority: 'high' })).to.equal(undefined);
  });

  it('add up several queues of one name, but keep the oldest run of them', async () => {
    const { registry, metrics, value } = aWatchedQueue();
    const stuck = {
      name: 'things.example.org',
      workers: 3,
      activeWorkers: 3,
      depth: () => 7,
      runningMs: () => ({ total: 9_000, longest: 5_000 }),
    };
    metrics.observe(stuck, 'local');
    metrics.observe({ ...stuck, runningMs: () => ({ total: 4_000, longest: 4_000 }) }, 'local');

    expect(await value('workqueue_depth', { priority: 'low' })).to.equal(14);
    expect(await value('workqueue_unfinished_work_seconds')).to.equal(13);
    expect(await value('workqueue_longest_running_processor_seconds')).to.equal(5);
    expect(await seriesValue(registry, 'controller_runtime_max_concurrent_reconciles', { controller: 'things.example.org' })).to.equal(8);
  });
});
