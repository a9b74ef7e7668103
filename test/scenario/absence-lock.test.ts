import t from 'tap';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { days } from '../../src/base/index.ts';
import { encodeAbsence } from '../../src/bmc/absence-record.ts';
import { ABSENCE_DOCUMENTS } from '../../src/bmc/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';

const absenceLock = { days: 14 };
const host = await ColdHost.start({ size: 8, agent: { absenceLock } });
t.teardown(() => host.close());
const drive = host.machine.drives[0]!;

/** The agent again, as if it had run for so long without hearing of anybody. */
async function afterRunning(ran: number, warned: 0 | 90, change = {}): Promise<void> {
  await host.stop();
  host.lines.length = 0;
  const store = await openFileStateStore(host.state);
  const bytes = encodeAbsence({ n: 1_000_000, ran, warned, lock: 0 });
  for (const name of ABSENCE_DOCUMENTS) await store.writeDocument(name, bytes);
  await host.boot({ absenceLock, ...change });
}

const status = async () => (await host.give('machine.status', {})).result;
const limit = async () => (await status())?.limits.find((line) => line.includes('disables itself'));

await t.test(
  'switched on it says so at each start, and a machine whose owner is there sees no more of it',
  async (t) => {
    t.ok(host.lines.includes('warn absence.on'));
    t.equal(await limit(), undefined);
    t.match(await status(), { lock: { state: 'enabled' } });
  },
);

await t.test(
  'near its end it warns; an order that was kept back does not help, a fresh one does',
  async (t) => {
    await afterRunning(days(13.9), 90);
    t.ok(host.lines.includes('warn absence.warning'));
    t.match(await limit(), /0\.1 days of running time are left/);
    host.send(await host.packet());
    await eventually(() => host.said('receipt').length > 2);
    t.ok(await limit(), 'signed by an enrolled key, and still from any day before');
    await eventually(() => host.said('presence').length > 0);
    const { nonce } = host.said('presence').at(-1)!;
    host.send(await host.packet({ nonce, maxAge: 600 }));
    await eventually(async () => (await limit()) === undefined);
    await eventually(() => host.lines.includes('info absence.heard'));
  },
);

await t.test('lapsed, it is disabled by nobody, and two people enable it as ever', async (t) => {
  await afterRunning(days(14), 90);
  const { lock } = (await status())!;
  t.match(lock, { state: 'disabled', reason: /^Absence lock/ });
  t.equal(lock.by, undefined);
  t.equal(drive.at, 'held');
  t.match(await host.give('machine.enable', {}, { key: host.officer }), { outcome: 'succeeded' });
  t.equal(drive.at, 'host');
  await host.stop();
  await host.boot({ absenceLock });
  t.match((await status())?.lock, { state: 'enabled' }, 'the time begins anew');
  const audit = await host.give('audit.read', {}, { key: host.officer });
  const events = (audit.result?.entries ?? []).map(({ event }) => event);
  t.ok(events.includes('absence.lapsed'));
});

await t.test('without the key in the configuration nothing is counted', async (t) => {
  await afterRunning(days(14), 90, { absenceLock: undefined });
  t.match((await status())?.lock, { state: 'enabled' });
  t.notOk(host.lines.some((line) => line.includes('absence')));
});
