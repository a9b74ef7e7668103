import t from 'tap';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { LocalChain } from '../../../../src/adapters/local-chain/local-chain.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../../../src/adapters/system-scheduler.ts';
import { millis, UNIT_TIMINGS } from '../../../../src/sata-chain/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const never = new AbortController().signal;

/** Real units before drives of 100 sectors, in real time, with a host that is on. */
async function chainOf(count: number) {
  const chain = await LocalChain.open({
    name: 'disk0',
    members: Array.from({ length: count }, (_, i) => ({
      device: new MemoryDevice(`m${i}`, 100 * 512),
      serial: `S${i}`,
      model: 'TEST',
    })),
    scheduler: systemScheduler(),
    clock: systemClock,
    entropy: systemEntropy,
    log: { log: () => undefined },
    timings: { ...UNIT_TIMINGS, absent: millis(150), spin: millis(600), resync: millis(300) },
  });
  t.teardown(() => chain.close());
  await eventually(() => chain.hba.disk !== undefined);
  return chain;
}

const accept = (question: string) => ({ do: 'accept', question }) as const;

await t.test('a chain that runs is shown as the host sees it', async (t) => {
  const { control, hba } = await chainOf(3);
  await eventually(async () => {
    const { inStep, units } = await control.status(never);
    return inStep && units.every(({ state }) => state === 'T4');
  });
  const report = await control.status(never);
  t.match(report, {
    disk: 'disk0',
    state: 'T4',
    sectors: 300,
    presentedSectors: 300,
    held: false,
    trouble: [],
  });
  t.equal(report.presentedSectors, hba.disk?.sectors);
  t.equal(report.chain, hba.disk?.chain?.chain);
  t.same(
    report.units.map(({ position, drive, state, linkUp }) => [position, drive?.serial, state, linkUp]),
    [
      [0, 'S0', 'T4', 3],
      [1, 'S1', 'T4', 3],
      [2, 'S2', 'T4', 3],
    ],
  );
  const synced = await control.sync(undefined, never);
  t.match(synced, { ok: true, value: { inStep: true, updated: [], findings: [] } });
});

await t.test('resync looks for all members anew, and comes to the same disk', async (t) => {
  const { control, hba } = await chainOf(2);
  const seen: (number | undefined)[] = [];
  hba.onDisk((disk) => seen.push(disk?.sectors));
  t.match(await control.sync({ do: 'resync' }, never), { ok: true, value: { done: /anew/ } });
  await eventually(async () => (await control.status(never)).state === 'T4');
  t.ok(
    seen.every((sectors) => sectors === undefined || sectors === 200),
    'the host never sees a part of it',
  );
  t.equal(hba.disk?.sectors, 200);
});

await t.test('a chain that waits for nothing takes no acceptance', async (t) => {
  const { control } = await chainOf(1);
  t.match(await control.sync(accept('0123456789abcdef'), never), { refusal: { code: 'CHAIN_WHOLE' } });
});

await t.test('a drive that is gone is accepted as gone by the unit that misses it', async (t) => {
  const chain = await chainOf(3);
  const { control } = chain;
  chain.pull(1);
  await eventually(async () => (await control.status(never)).question !== undefined);
  const held = await control.status(never);
  t.match(held, {
    presentedSectors: 0,
    held: true,
    trouble: [
      {
        code: 'missing-local',
        sentence: /place 1: its drive is missing\. It belongs here: serial S1, 100 sectors/,
      },
    ],
  });
  t.equal(chain.hba.disk, undefined, 'a host never sees the rest alone');
  t.match(await control.sync(accept('0123456789abcdef'), never), { refusal: { code: 'CHAIN_DIFFERS' } });
  chain.pull(2);
  await eventually(async () => (await control.status(never)).question?.id !== held.question?.id);
  t.match(await control.sync(accept(held.question!.id), never), { refusal: { code: 'CHAIN_DIFFERS' } });
  chain.plug(2);
  await eventually(async () => (await control.status(never)).question?.id === held.question?.id);
  const unit = held.units[1]!.unit;
  t.match(await control.sync(accept(held.question!.id), never), {
    ok: true,
    value: { done: new RegExp(`by order of unit ${unit}`) },
  });
  await eventually(() => chain.hba.disk !== undefined);
  t.equal(chain.hba.disk?.sectors, 200);
  t.match(await control.status(never), { degraded: true, question: undefined, held: false });
});
