import t from 'tap';
import { refusal, seconds } from '../../../src/base/index.ts';
import { ChassisOrders } from '../../../src/bmc/index.ts';
import type { PowerAction, PowerState } from '../../../src/ports/index.ts';
import { type BenchOptions, machineBench } from '../../kit/machine.ts';

const { signal } = new AbortController();

async function bench(options: BenchOptions = {}) {
  const machine = machineBench(options);
  const { clock, power, host, lockout, interlock, log } = { ...machine, log: { log: () => {} } };
  await clock.settle(lockout.reassert(), seconds(5));
  const orders = new ChassisOrders({ control: host, power, lockout, interlock, clock, log });
  const order = async (action: PowerAction): Promise<string> => {
    const verdict = await clock.settle(orders.order(action, 'admin', signal), seconds(60));
    return verdict.ok ? 'ok' : verdict.refusal.code;
  };
  return { ...machine, order, orders };
}

await t.test('on brings every disk home before the host is switched on', async (t) => {
  const { host, drives, lend, order, clock } = await bench();
  const lease = await lend();
  let positions: string[] = [];
  const drive = host.drive.bind(host);
  host.drive = async (action, until) => {
    positions = drives.map(({ at }) => at);
    return drive(action, until);
  };
  t.equal(await order('on'), 'ok');
  t.same(positions, ['host']);
  t.ok(lease.signal.aborted);
  await clock.advance(seconds(2));
  t.equal(host.state, 'S0');
});

await t.test(
  'also without an interlock, and also for a board whose switch does not move in time',
  async (t) => {
    const { host, order, clock, drives, lend } = await bench({ interlock: false });
    await lend();
    drives[0]!.setFault('stuck');
    t.equal(await order('on'), 'ok', 'our device is dead, so nobody shares the disk with the host');
    await clock.advance(seconds(2));
    t.equal(host.state, 'S0');
  },
);

const WHEN: readonly (readonly [PowerState, PowerAction, string])[] = [
  ['S0', 'on', 'ok'],
  ['S3', 'on', 'ok'],
  ['unknown', 'on', 'ok'],
  ['G3', 'on', 'NOT_SUPPORTED'],
  ['S0', 'off', 'ok'],
  ['S3', 'off', 'ok'],
  ['S5', 'off', 'ok'],
  ['unknown', 'off', 'ok'],
  ...(['cycle', 'reset', 'nmi', 'soft'] as const).flatMap(
    (action) =>
      [
        ['S0', action, 'ok'],
        ['S3', action, 'HOST_NOT_ON'],
        ['S5', action, 'HOST_NOT_ON'],
        ['unknown', action, 'HOST_STATE_UNKNOWN'],
      ] as const,
  ),
];
for (const [state, action, expected] of WHEN) {
  await t.test(`"${action}" to a host in ${state}: ${expected}`, async (t) => {
    const { order } = await bench({ state });
    t.equal(await order(action), expected);
  });
}

await t.test(
  'a disabled machine is never switched on, reset, cycled or interrupted; it is switched off',
  async (t) => {
    for (const state of ['S0', 'S3', 'S5'] as const) {
      const { order, lockout, clock, host } = await bench({ state });
      await clock.settle(lockout.disable({}), seconds(10));
      for (const action of ['on', 'reset', 'cycle', 'nmi'] as const) t.equal(await order(action), 'DISABLED');
      t.equal(await order('off'), 'ok');
      await clock.advance(seconds(5));
      t.equal(host.state, 'S5');
    }
  },
);

await t.test('a machine that is disabled while it is being switched on stays off', async (t) => {
  const { orders, lockout, clock, host, lend } = await bench({ switchDelay: 500 });
  await lend();
  const on = orders.order('on', 'admin', signal);
  await clock.advance(seconds(0.1));
  await clock.settle(lockout.disable({}), seconds(10));
  t.match(await clock.settle(on, seconds(5)), { ok: false, refusal: { code: 'DISABLED' } });
  await clock.advance(seconds(5));
  t.equal(host.state, 'S5');
});

await t.test('a cycle is off, a pause with the disks at the host, and on', async (t) => {
  const { order, host, clock } = await bench({ state: 'S0' });
  t.equal(await order('cycle'), 'ok');
  t.equal(host.state, 'S5');
  t.equal(await order('cycle'), 'HOST_NOT_ON');
  await clock.advance(seconds(3));
  t.equal(host.state, 'S0');
  t.same(
    host.history.map(({ to }) => to),
    ['S5', 'S0'],
  );
});

await t.test('an order to switch off ends a cycle: the host does not come on behind its back', async (t) => {
  const { order, host, clock } = await bench({ state: 'S0' });
  t.equal(await order('cycle'), 'ok');
  await clock.advance(seconds(0.5));
  t.equal(await order('off'), 'ok');
  await clock.advance(seconds(60));
  t.equal(host.state, 'S5');
  t.equal(await order('on'), 'ok');
  await clock.advance(seconds(2));
  t.equal(host.state, 'S0', 'a later order to switch on is obeyed');
});

await t.test('nor by a cycle that its watchdog asks for while it is being switched off', async (t) => {
  const { orders, order, host, clock } = await bench({ state: 'S0' });
  const drive = host.drive.bind(host);
  host.drive = async (action, until) => {
    if (action === 'off') await clock.sleep(seconds(1), until);
    return drive(action, until);
  };
  const off = orders.order('off', 'fence', signal);
  await clock.advance(seconds(0.5));
  t.equal(await order('cycle'), 'HOST_NOT_ON');
  t.equal(await order('reset'), 'HOST_NOT_ON');
  await clock.settle(off, seconds(5));
  await clock.advance(seconds(60));
  t.equal(host.state, 'S5');
  t.same(
    host.history.map(({ to }) => to),
    ['S5'],
  );
  host.set('S0');
  t.equal(await order('cycle'), 'ok', 'later it is obeyed as ever');
});

await t.test('so does one that comes while the disks are on their way home', async (t) => {
  const { order, orders, host, clock, lend } = await bench({ switchDelay: 500 });
  await lend();
  const on = orders.order('on', 'admin', signal);
  await clock.advance(seconds(0.1));
  t.equal(await order('off'), 'ok');
  await t.rejects(clock.settle(on, seconds(5)), { code: 'NS_POWER', message: /ordered off/ });
  await clock.advance(seconds(5));
  t.equal(host.state, 'S5');
});

await t.test(
  'a second cycle joins the first, and one that could not begin leaves the way free',
  async (t) => {
    const { orders, order, host, clock } = await bench({ state: 'S0' });
    const drive = host.drive.bind(host);
    host.drive = async () => {
      throw new Error('relay');
    };
    await t.rejects(clock.settle(orders.order('cycle', 'a', signal), seconds(5)), { message: 'relay' });
    const given: string[] = [];
    host.drive = async (action, until) => {
      given.push(action);
      if (action === 'off') await clock.sleep(seconds(1), until);
      return drive(action, until);
    };
    const both = Promise.all([orders.order('cycle', 'a', signal), orders.order('cycle', 'b', signal)]);
    t.match(await clock.settle(both, seconds(10)), [{ ok: true }, { ok: true }]);
    await clock.advance(seconds(10));
    t.same(given, ['off', 'on']);
    t.equal(host.state, 'S0');
    t.equal(await order('cycle'), 'ok');
  },
);

await t.test('two who switch on at once switch on once', async (t) => {
  const { clock, host, interlock } = await bench();
  let calls = 0;
  const go = async () => {
    calls += 1;
    await host.drive('on', signal);
  };
  const both = Promise.all([interlock.switchOn('a', go), interlock.switchOn('b', go)]);
  t.same(await clock.settle(both, seconds(5)), [
    { ok: true, value: undefined },
    { ok: true, value: undefined },
  ]);
  t.equal(calls, 1);
});

await t.test('one that cannot be switched on says so, and the next lease is given', async (t) => {
  const { clock, interlock, ask } = await bench();
  const failing = interlock.switchOn('admin', async () => {
    throw new Error('relay');
  });
  await t.rejects(clock.settle(failing, seconds(5)), { message: 'relay' });
  await clock.advance(seconds(40));
  t.ok((await clock.settle(ask(), seconds(5))).ok);
});

await t.test('an agent that has stopped switches nothing on: its cycle ends with the host off', async (t) => {
  const { clock, host, interlock, order } = await bench({ state: 'S0' });
  t.equal(await order('cycle'), 'ok');
  interlock.stop();
  await clock.advance(seconds(60));
  t.equal(host.state, 'S5', 'by then the disk may be in the hands of the next agent');
  t.equal(await order('on'), 'CUSTODY_UNAVAILABLE');
});

await t.test('a stop answers who waits', async (t) => {
  const { clock, interlock, lend } = await bench();
  await lend();
  const on = interlock.switchOn('admin', async () => {});
  interlock.stop();
  t.match(await clock.settle(on, seconds(5)), { ok: false, refusal: { code: 'CUSTODY_UNAVAILABLE' } });
});

await t.test('what an order was refused for has a code, a sentence and a remedy', (t) => {
  t.match(refusal('HOST_NOT_ON'), { code: 'HOST_NOT_ON', sentence: /not on/, remedy: /Switch/ });
  t.end();
});
