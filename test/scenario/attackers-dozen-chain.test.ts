import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { LocalChain } from '../../src/adapters/local-chain/local-chain.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../src/adapters/system-scheduler.ts';
import { MiB } from '../../src/base/index.ts';
import { millis, UNIT_TIMINGS } from '../../src/sata-chain/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { MemoryState } from '../kit/memory-state.ts';

/* Somebody has a disabled machine in front of them whose disk is a chain, and a cable. */

const SECTORS = 100;

/** A chain of these drives, as the host's controller meets it: what its units remember is in the state. */
function wire(state: MemoryState, serials: readonly string[]): Promise<LocalChain> {
  return LocalChain.open({
    name: 'disk0',
    members: serials.map((serial) => ({ device: new MemoryDevice(serial, SECTORS * 512), serial })),
    scheduler: systemScheduler(),
    clock: systemClock,
    entropy: systemEntropy,
    log: { log: () => undefined },
    timings: { ...UNIT_TIMINGS, absent: millis(100), spin: millis(400), resync: millis(200) },
    state,
  });
}

await t.test('a unit in the middle bypassed: the head stays silent, whatever is behind it', async (t) => {
  const units = new MemoryState();
  const whole = await wire(units, ['S0', 'S1', 'S2']);
  await eventually(() => whole.hba.disk !== undefined);
  t.match(await whole.order('disable'), { ok: true });
  await eventually(() => whole.hba.disk === undefined);
  await whole.close();
  for (const left of [['S0', 'S2'], ['S0'], ['S0', 'S1', 'S2']]) {
    const chain = await wire(units, left);
    await eventually(() => chain.head.state.t.state === 'T7');
    chain.hba.powerOff();
    chain.hba.powerOn();
    await chain.loseAndRegainPower();
    await eventually(() => chain.head.state.t.state === 'T7');
    t.equal(chain.hba.disk, undefined, `with ${left.join(', ')} on the cable`);
    await chain.close();
  }
  const owner = await wire(units, ['S0', 'S1', 'S2']);
  await eventually(() => owner.head.state.t.state === 'T7');
  t.match(await owner.order('enable'), { ok: true });
  await eventually(() => owner.hba.disk?.sectors === 3 * SECTORS);
  t.pass('and its owner has it whole');
  await owner.close();
});

await t.test('the head bypassed, by a head of the thief: not defended', async (t) => {
  const units = new MemoryState();
  const whole = await wire(units, ['S0', 'S1', 'S2']);
  await whole.order('disable');
  await whole.close();
  const thief = await wire(new MemoryState(), ['S1', 'S2']);
  await eventually(() => thief.hba.disk !== undefined);
  t.equal(thief.hba.disk?.sectors, 2 * SECTORS, 'drives answer whoever asks them');
  await thief.close();
});

await t.test('with the whole agent: a unit cut off changes nothing of what is in force', async (t) => {
  const host = await ColdHost.start({ size: 8, members: [2 * MiB, 3 * MiB] });
  t.teardown(() => host.close());
  t.match(await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer }), {
    outcome: 'succeeded',
  });
  const disk = async () => {
    const { result } = await host.give('machine.status', {});
    return result?.lock.levels?.find(({ level }) => level === 'disk');
  };
  t.match(await disk(), { inForce: 'yes', detail: /silent \(T7\)/ });
  const chain = host.machine.chains[0]!;
  chain.kill(1, true);
  chain.hostPower(true);
  t.match(await disk(), { inForce: 'yes' });
  t.equal(chain.chain.hba.disk, undefined);
});
