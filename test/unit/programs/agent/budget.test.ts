import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { hours, minutes } from '../../../../src/base/index.ts';
import { openDeviceBudget } from '../../../../src/programs/agent/budget.ts';
import { readAgentConfig } from '../../../../src/programs/agent/config.ts';
import { AuditLog } from '../../../../src/security/index.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const keyring = testKeyring({ gina: [testKey(), 'governor'] });

/** One start of a device, on a clock that stands still with it; its own storage outlives it. */
async function startOn(store: MemoryState, raiseDelayHours = 24) {
  const clock = new VirtualClock();
  const audit = await AuditLog.open(store, { slots: 64 });
  const failures: Error[] = [];
  const lines: string[] = [];
  const { budget, close } = await openDeviceBudget(
    {
      tenant: 'acme',
      device: 'host1',
      budget: { lock: 3, wipe: 2, plain: 256, raiseDelayHours },
    },
    { store, clock, audit } as never,
    keyring,
    { log: (level, event) => void lines.push(`${level} ${event}`) },
    (error) => failures.push(error),
  );
  return { budget, close, audit, failures, lines, clock };
}

const inForce = ({ budget }: Awaited<ReturnType<typeof startOn>>) => budget.status().inForce.lock;

await t.test('a raise waits for running time, whatever the wall clock says', async (t) => {
  const store = new MemoryState();
  const first = await startOn(store);
  await first.budget.update({ version: 1, lock: 9, wipe: 2 });
  for (const wall of [4_000_000_000, 0, 2_000_000_000]) {
    first.clock.setWallSeconds(wall);
    await first.clock.advance(hours(4));
    t.equal(inForce(first), 3);
  }
  // The power goes: nothing is said to it.
  const second = await startOn(store);
  second.clock.setWallSeconds(4_100_000_000);
  await second.clock.advance(hours(10));
  t.equal(inForce(second), 3);
  await second.close();
  const third = await startOn(store);
  third.clock.setWallSeconds(4_200_000_000);
  await third.clock.advance(hours(1));
  t.equal(inForce(third), 3, 'a device that is off waits for nothing');
  await third.clock.advance(hours(2));
  t.equal(inForce(third), 9);
  const { entries } = await third.audit.read(0, 64);
  t.match(
    entries.map(({ event, detail }) => `${event} ${detail}`),
    ['budget.changed version 1: lock 3, wipe 2', 'budget.pending version 1: lock 9, wipe 2'],
  );
  t.ok(third.lines.includes('info budget.changed'));
  t.same([...first.failures, ...second.failures, ...third.failures], []);
});

await t.test('a raise is stored as soon as it is in force', async (t) => {
  const store = new MemoryState();
  const first = await startOn(store, 1);
  await first.budget.update({ version: 1, lock: 9, wipe: 2 });
  await first.clock.advance(minutes(61));
  t.equal(inForce(first), 9);
  t.equal(inForce(await startOn(store, 1)), 9);
});

await t.test('own storage that keeps nothing any more ends the agent', async (t) => {
  const store = new MemoryState();
  const first = await startOn(store);
  await first.budget.update({ version: 1, lock: 9, wipe: 2 });
  store.writeDocument = () => Promise.reject(new Error('worn out'));
  await first.clock.advance(hours(2));
  t.ok(first.failures.length > 0);
});

await t.test('limits of the configuration', async (t) => {
  const path = join(t.testdir({}), 'agent.yaml');
  const budgetOf = async (budget: unknown) => {
    const config = { device: 'host1', broker: 'mqtt://127.0.0.1', state: 'state', keyring: [], budget };
    writeFileSync(path, JSON.stringify(config));
    return (await readAgentConfig(path, {})).budget;
  };
  t.same(await budgetOf({}), { lock: 10, wipe: 10, plain: 256, raiseDelayHours: 24 });
  t.match(await budgetOf({ lock: 0, wipe: 1024, raiseDelayHours: 1 }), { lock: 0, wipe: 1024 });
  for (const wrong of [
    { lock: -1 },
    { lock: 1025 },
    { wipe: 1.5 },
    { raiseDelayHours: 0 },
    { raiseDelayHours: 0.5 },
    { off: true },
  ])
    await t.rejects(budgetOf(wrong), { code: 'NS_CONFIG_INVALID' }, JSON.stringify(wrong));
});
