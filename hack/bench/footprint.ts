/** What manager and agent cost when there is nothing to do: memory, CPU, and the time from start to ready. */
import { setTimeout as pause } from 'node:timers/promises';
import type { TestProcess } from '../../test/harness/child-process';
import { defineBenchmark, type Figure, type Goal } from './benchmark';
import { cpuPercent, rssMib } from './process-usage';
import { sampleVm } from './sample-vm';
import { StewardRig } from './steward-rig';

/** Time for start-up garbage to go before memory is read. */
const SETTLE_MS = 3_000;
const CPU_MS = 10_000;
const MANAGER_RSS: Goal = { atMost: 105 }; // 110 MB
const AGENT_RSS: Goal = { atMost: 70 };

export const footprint = defineBenchmark({
  name: 'footprint',
  measures: 'manager and agent idle: resident memory, CPU, time from start to ready, without and with virtual machines',
  options: { vms: { default: 1_000, min: 1, max: 100_000, description: 'virtual machines of about 4.7 kB each' } },
  run: ({ vms }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const figures: Figure[] = [];
      const empty = await timed(() => rig.manager());
      const agent = await timed(() => rig.agent(empty.result));
      await rig.wakeAll(agent.result);
      await rig.managed(empty.result, 0);
      figures.push({ name: 'manager, start to ready, no virtual machine', value: empty.seconds, unit: 's' });
      figures.push({ name: 'agent, start to ready', value: agent.seconds, unit: 's' });
      figures.push(...(await idle('manager, no virtual machine', empty.result.process, MANAGER_RSS)));
      figures.push(...(await idle('agent', agent.result.process, AGENT_RSS)));
      await agent.result.process.stop();

      progress(`creating ${vms} virtual machines`);
      await rig.create(Array.from({ length: vms }, (_, n) => sampleVm(n)));
      await rig.managed(empty.result, vms);
      figures.push(...(await idle(`manager that saw ${vms} virtual machines come`, empty.result.process)));
      await empty.result.process.stop();

      progress('starting the manager again');
      const full = await timed(() => rig.manager());
      await rig.managed(full.result, vms);
      figures.push({ name: `manager, start to ready, ${vms} virtual machines`, value: full.seconds, unit: 's' });
      figures.push(...(await idle(`manager that listed ${vms} virtual machines`, full.result.process, MANAGER_RSS)));
      return figures;
    }),
});

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const startedMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startedMs) / 1_000 };
}

async function idle(name: string, process: TestProcess, goal?: Goal): Promise<Figure[]> {
  await pause(SETTLE_MS);
  const cpu = await cpuPercent(process, CPU_MS);
  return [
    { name: `${name}, RSS`, value: await rssMib(process), unit: 'MiB', ...(goal === undefined ? {} : { goal }) },
    { name: `${name}, CPU of one core`, value: cpu, unit: '%', goal: { atMost: 1 } },
  ];
}
