import t from 'tap';
import { NsError, refusal } from '../../../../../src/base/index.ts';
import { aUser, bmcBench, HOST } from '../../../../kit/bmc-bench.ts';

const code = (answer: { readonly completion: number }): number => answer.completion;

void t.test('the status tells what is known of the power', async (t) => {
  const { machine, client, ask } = await bmcBench();
  for (const [state, powerOn] of [
    ['S0', true],
    ['S3', true],
    ['S4', false],
    ['S5', false],
    ['G3', false],
  ] as const) {
    machine.state = state;
    t.match(await client().chassisStatus(), { powerOn, overload: false, powerFault: false }, state);
  }
  machine.isOpen = true;
  await machine.chassis.restorePolicy.set('previous');
  t.match(await client(aUser('user')).chassisStatus(), { intrusion: true, restorePolicy: 'previous' });
  t.equal((await ask(0, 1)).data.byteLength, 4);
});

void t.test('an uncertain power is neither on nor off: the status is refused', async (t) => {
  const { machine, ask } = await bmcBench();
  machine.certain = false;
  t.equal(code(await ask(0, 1)), 0xd5);
});

void t.test('a lid that cannot be looked at counts as open, and the power is told', async (t) => {
  const { machine, client } = await bmcBench();
  machine.chassis.intrusion = async () => {
    throw new NsError('NS_IO', 'the switch does not answer');
  };
  t.match(await client().chassisStatus(), { powerOn: true, intrusion: true });
});

void t.test('an order reaches the machine, with whoever gave it', async (t) => {
  const { machine, client } = await bmcBench();
  for (const action of ['off', 'on', 'cycle', 'reset', 'nmi', 'soft'] as const)
    await client().chassisControl(action);
  t.same(
    machine.orders,
    ['off', 'on', 'cycle', 'reset', 'nmi', 'soft'].map((action) => `${action} by user`),
  );
  await client(HOST).chassisControl('off');
  t.equal(machine.orders.at(-1), 'off by host');
});

void t.test('a refusal is told by its completion code, and a user may not order', async (t) => {
  const { machine, ask } = await bmcBench();
  for (const [why, completion] of [
    ['DISABLED', 0xd6],
    ['HOST_STATE_UNKNOWN', 0xd5],
    ['NOT_SUPPORTED', 0xcc],
    ['NOT_PERMITTED', 0xd4],
    ['DISK_BUSY', 0xc0],
  ] as const) {
    machine.refusal = refusal(why);
    t.equal(code(await ask(0, 2, '01')), completion, why);
  }
  machine.refusal = undefined;
  t.equal(code(await ask(0, 2, '06')), 0xcc, 'no such action');
  t.equal(code(await ask(0, 2, '01', aUser('user'))), 0xd4);
  t.equal(code(await ask(0, 2, '01', { is: 'nobody' })), 0xd4);
  t.equal(code(await ask(0, 2, '0100')), 0xc7);
  t.same(machine.orders, []);
});

void t.test('the cause of a restart is the order that went before, where it was obeyed', async (t) => {
  const { machine, client, clock } = await bmcBench();
  t.match(await client().restartCause(), { cause: 'unknown', channel: 0 });
  machine.becomes('S5');
  await client().chassisControl('on');
  t.match(await client().restartCause(), { cause: 'chassis-control', channel: 1 });
  t.match(await client().chassisStatus(), { lastPowerEvent: { onByIpmi: true } });
  machine.becomes('S5');
  machine.becomes('S0');
  t.match(await client().restartCause(), { cause: 'unknown' }, 'by itself');
  t.match(await client().chassisStatus(), { lastPowerEvent: { onByIpmi: false } });
  await client(HOST).chassisControl('reset');
  t.match(await client().restartCause(), { cause: 'chassis-control', channel: 15 });
  machine.becomes('S5');
  machine.refusal = refusal('DISABLED');
  await t.rejects(client().chassisControl('on'));
  machine.becomes('S0');
  t.match(await client().restartCause(), { cause: 'unknown' }, 'after an order that was refused');
  t.equal(clock.waiting, 0);
});

void t.test('a machine that is disabled takes no policy by which it would come up', async (t) => {
  const { machine, client, ask } = await bmcBench();
  t.same(await client().setRestorePolicy('unchanged'), ['always-off', 'previous', 'always-on']);
  await client().setRestorePolicy('always-on');
  t.equal(machine.chassis.restorePolicy.get(), 'always-on');
  machine.lock = refusal('DISABLED');
  t.equal(code(await ask(0, 6, '01')), 0xd6);
  t.equal(code(await ask(0, 6, '02')), 0xd6);
  t.equal(code(await ask(0, 6, '00')), 0);
  t.equal(machine.chassis.restorePolicy.get(), 'always-off');
  t.match(await client().chassisStatus(), { frontPanelLockout: true });
  t.equal((await ask(0, 1)).data[3], 0x11, 'the power button is disabled');
});

void t.test('the lamp is lit as long as it was asked for, and the status tells it', async (t) => {
  const { machine, client, clock } = await bmcBench();
  await client().identify('on');
  t.match(await client().chassisStatus(), { identify: 'on' });
  await client().identify();
  t.match(await client().chassisStatus(), { identify: 'timed' });
  await clock.advance(15_000 as never);
  t.match(await client().chassisStatus(), { identify: 'off' });
  await client().identify('off');
  t.same(machine.lamp, [undefined, 15, 0]);
});
