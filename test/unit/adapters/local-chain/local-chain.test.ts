import t from 'tap';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { LocalChain } from '../../../../src/adapters/local-chain/local-chain.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../../../src/adapters/system-scheduler.ts';
import { millis, UNIT_TIMINGS } from '../../../../src/sata-chain/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const drive = (serial: string) => ({ device: new MemoryDevice(serial, 100 * 512), serial });

function openChain(state: MemoryState, serials: readonly string[]): Promise<LocalChain> {
  return LocalChain.open({
    name: 'disk0',
    members: serials.map(drive),
    scheduler: systemScheduler(),
    clock: systemClock,
    entropy: systemEntropy,
    log: { log: () => undefined },
    timings: { ...UNIT_TIMINGS, absent: millis(100), spin: millis(400), resync: millis(200) },
    state,
  });
}

await t.test('a chain that has grown comes up again, and again', async (t) => {
  const state = new MemoryState();
  const runs = [
    { serials: ['S0'], sectors: 100 },
    { serials: ['S0', 'S1'], sectors: 200 },
    { serials: ['S0', 'S1', 'S2'], sectors: 300 },
    { serials: ['S0', 'S1', 'S2'], sectors: 300 },
  ];
  for (const { serials, sectors } of runs) {
    const chain = await openChain(state, serials);
    await eventually(() => chain.hba.disk !== undefined);
    t.equal(chain.hba.disk?.sectors, sectors);
    await chain.close();
  }
});

await t.test('so does one that an operator made smaller', async (t) => {
  const state = new MemoryState();
  const whole = await openChain(state, ['S0', 'S1']);
  await eventually(() => whole.hba.disk !== undefined);
  await whole.close();
  const less = await openChain(state, ['S0']);
  await eventually(() => less.head.state.t.state === 'T2H');
  t.equal(less.hba.disk, undefined, 'nothing is shown before somebody agreed');
  t.match(await less.order('go-degraded'), { ok: true });
  await eventually(() => less.hba.disk !== undefined);
  await less.close();
  const again = await openChain(state, ['S0']);
  await eventually(() => again.hba.disk !== undefined);
  t.equal(again.hba.disk?.sectors, 100);
  t.match(again.hba.disk?.chain, { degraded: true });
  await again.close();
});
