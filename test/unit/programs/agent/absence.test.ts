import t from 'tap';
import { days, hours, seconds } from '../../../../src/base/index.ts';
import { openDeviceAbsence } from '../../../../src/programs/agent/absence.ts';
import type { Order } from '../../../../src/protocol/index.ts';
import { AuditLog, type Keyring } from '../../../../src/security/index.ts';
import type { Submission } from '../../../../src/tasks/index.ts';
import { FakeDesk } from '../../../kit/fake-desk.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { machineBench } from '../../../kit/machine.ts';
import { testOrder } from '../../../kit/orders.ts';

const issuer = { keyId: Uint8Array.of(1), name: 'olga', role: 'operator' };
const NONCE = { nonce: new Uint8Array(16).fill(9), maxAge: 600 };

const officers = { sam: [testKey(), 'security'], tess: [testKey(), 'security'] } as const;

async function underLock(ring: { current: Keyring } = testKeyring(officers)) {
  const bench = machineBench();
  const { clock, lockout, store } = bench;
  const audit = await AuditLog.open(store);
  const lines: string[] = [];
  const stopped: Error[] = [];
  await clock.settle(lockout.reassert(), seconds(60));
  const absence = await clock.settle(
    openDeviceAbsence({
      config: { days: 14 },
      machine: { ...bench, audit },
      keyring: ring,
      tasks: { stopWorking: (reason) => void stopped.push(reason) },
      log: { log: (level, event) => void lines.push(`${level} ${event}`) },
    }),
    seconds(60),
  );
  const run = async (count: number): Promise<void> => {
    for (let hour = 0; hour < count * 24; hour += 1) await clock.advance(hours(1));
  };
  const desk = new FakeDesk();
  const give = async (change: Partial<Order>, answer?: Submission): Promise<void> => {
    desk.answer = answer && (() => Promise.resolve(answer));
    const order = { ...testOrder(testKey()), ...change } as Order;
    const packet = new Uint8Array(1);
    await absence.hearing(desk).submit({ order, packet, packetHash: packet, issuer });
    await clock.settle(lockout.status(), seconds(60));
  };
  const events = async () => (await audit.read(0, 64)).entries.map(({ event }) => event);
  return { absence, run, give, lines, stopped, lockout, clock, desk, events, audit };
}

await t.test('only an order that cannot be older than a day shows that its owner is there', async (t) => {
  const { absence, run, give, desk, audit } = await underLock();
  await run(8);
  t.match(absence.limits(), [/^No fresh order was heard for long: 6\.0 days/]);
  await give({});
  await give({ verb: 'machine.disable', args: {}, ...NONCE } as Partial<Order>);
  await give(NONCE, { is: 'known' });
  await give(NONCE, { is: 'refused', refusal: { code: 'EXPIRED', sentence: '', remedy: '' } });
  t.equal(desk.submitted.length, 4, 'they are judged as ever');
  t.equal(absence.limits().length, 1, 'held back, of any age, heard before or too late');
  await give(NONCE, { is: 'accepted', ended: true });
  t.same(absence.limits(), []);
  await absence.stop();
  await audit.close();
});

await t.test('switched on it says so at the start; what becomes of it is in log and audit log', async (t) => {
  const { absence, run, lines, stopped, lockout, clock, events, audit } = await underLock();
  t.same(lines, ['warn absence.on']);
  await run(14);
  await clock.settle(absence.stop(), seconds(60));
  t.same(lines.slice(1), [...Array(4).fill('warn absence.warning'), 'error absence.lapsed']);
  t.same(await events(), [...Array(4).fill('absence.warning'), 'absence.lapsed']);
  t.match(stopped, [{ code: 'NS_TASK_DISABLED' }], 'what works on the machine is stopped');
  const lock = await clock.settle(lockout.status(), seconds(60));
  t.match(lock, { state: 'disabled', reason: /14 days of running time/ });
  t.equal(lock.by, undefined);
  t.ok(clock.monotonic() >= days(14));
  await audit.close();
});

await t.test('a machine that nobody could enable again is not disabled, until two people can', async (t) => {
  const { sam } = officers;
  const ring = { current: testKeyring({ sam, olga: [testKey(), 'operator'] }) };
  const { absence, run, lines, lockout, clock, audit } = await underLock(ring);
  await run(15);
  t.equal((await clock.settle(lockout.status(), seconds(60))).state, 'enabled');
  t.equal(lines.filter((line) => line === 'error absence.kept').length, 1, 'said once');
  ring.current = testKeyring(officers);
  await run(1);
  t.equal((await clock.settle(lockout.status(), seconds(60))).state, 'disabled');
  t.equal(lines.at(-1), 'error absence.lapsed');
  await clock.settle(absence.stop(), seconds(60));
  await audit.close();
});
