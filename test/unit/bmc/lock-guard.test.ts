import t from 'tap';
import { seconds } from '../../../src/base/index.ts';
import { LockGuard } from '../../../src/bmc/index.ts';
import { machineBench } from '../../kit/machine.ts';

const { signal } = new AbortController();

async function bench() {
  const machine = machineBench();
  const { clock, power, host, lockout, log } = { ...machine, log: { log: () => {} } };
  const reverted: string[] = [];
  const guard = new LockGuard({
    power,
    control: host,
    lockout,
    clock,
    log,
    onReverted: ({ state }) => reverted.push(state),
  });
  await clock.settle(lockout.reassert(), seconds(5));
  return { ...machine, guard, reverted };
}

await t.test('a disabled machine that comes on all the same is off again at once', async (t) => {
  const { clock, host, lockout, guard, reverted } = await bench();
  guard.start();
  await clock.settle(lockout.disable({}), seconds(10));
  for (const state of ['S0', 'S3'] as const) {
    host.set(state, 'by a way that no mask reaches');
    await clock.advance(seconds(0.5));
    t.equal(host.state, 'S5', state);
  }
  t.same(reverted, ['S0', 'S3']);
  await clock.settle(lockout.enable({}), seconds(10));
  host.set('S0');
  await clock.advance(seconds(5));
  t.equal(host.state, 'S0', 'an enabled one stays on');
  guard.stop();
});

await t.test('a disabled machine that was on when the agent started is switched off', async (t) => {
  const { clock, host, lockout, guard } = await bench();
  await clock.settle(lockout.disable({}), seconds(10));
  host.set('S0');
  guard.start();
  await clock.advance(seconds(0.5));
  t.equal(host.state, 'S5');
  guard.stop();
});

await t.test('a control that fails is tried again, less and less hastily', async (t) => {
  const { clock, host, lockout, guard } = await bench();
  await clock.settle(lockout.disable({}), seconds(10));
  const drive = host.drive.bind(host);
  let tries = 0;
  host.drive = async (action, until) => {
    tries += 1;
    if (tries < 5) throw new Error('relay');
    return drive(action, until);
  };
  host.set('S0');
  guard.start();
  await clock.advance(seconds(1));
  t.ok(tries >= 2 && tries <= 4, `${tries} tries in the first second`);
  await clock.advance(seconds(30));
  t.equal(host.state, 'S5');
  t.equal(tries, 5);
  guard.stop();
  await clock.settle(guard.idle(), seconds(20));
});

await t.test('a machine that is enabled while its guard looks is not switched off', async (t) => {
  const { clock, host, lockout, guard, power } = await bench();
  await clock.settle(lockout.disable({}), seconds(10));
  host.set('S0');
  const read = power.read.bind(power);
  power.read = async (until) => {
    const reading = await read(until);
    await clock.sleep(seconds(1), until ?? signal);
    return reading;
  };
  guard.start();
  await clock.advance(seconds(0.5));
  await clock.settle(lockout.enable({}), seconds(10));
  await clock.advance(seconds(20));
  t.equal(host.state, 'S0');
  guard.stop();
});

await t.test('one look at the power that never ends does not blind the guard', async (t) => {
  const { clock, host, lockout, guard, power } = await bench();
  await clock.settle(lockout.disable({}), seconds(10));
  const read = power.read.bind(power);
  power.read = () => {
    power.read = read;
    return new Promise(() => {});
  };
  host.set('S0');
  guard.start();
  await clock.advance(seconds(10));
  t.equal(host.state, 'S5');
  guard.stop();
});

await t.test('an order that takes long is not given twice', async (t) => {
  const { clock, host, lockout, guard } = await bench();
  await clock.settle(lockout.disable({}), seconds(10));
  let given = 0;
  host.drive = async () => {
    given += 1;
    await clock.sleep(seconds(4), signal);
    host.set('S5');
    await clock.sleep(seconds(1), signal);
  };
  host.set('S0');
  guard.start();
  await clock.advance(seconds(20));
  t.equal(given, 1, 'a button that is pressed again by then would switch the host on');
  guard.stop();
});
