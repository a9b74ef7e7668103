import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { packTree } from '../../src/adapters/pack-tree.ts';
import { days, fromHex, hours, milliseconds, seconds, toHex, utf8 } from '../../src/base/index.ts';
import type { Fleet, OrderOutcome } from '../../src/fleet/index.ts';
import type { Receipt } from '../../src/protocol/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { memorySource } from '../kit/fleet-bench.ts';
import { testKeyring } from '../kit/keys.ts';
import { LeapingClock } from '../kit/leaping-clock.ts';
import { noise } from '../kit/noise.ts';

const DEVICE = 'host1';
const { dir, remove } = await scratch();
t.teardown(remove);
const { signal } = new AbortController();
const clock = new LeapingClock();
const host = await ColdHost.start({
  clock,
  // 8 MiB for staged contents.
  limits: { stagingMiB: 8 },
  size: 16,
  fill: async (tree) => {
    await mkdir(join(tree, 'srv'));
    await writeFile(join(tree, 'srv/old'), 'old\n');
    await writeFile(join(tree, 'srv/kept'), 'kept\n');
  },
});
t.teardown(() => host.close());

const power = (state: 'S0' | 'S4' | 'S5') => host.machine.host.set(state);

type Given = { readonly id: string; readonly outcome: OrderOutcome };

async function byFleet<T>(use: (fleet: Fleet) => Promise<T>): Promise<T> {
  const fleet = await host.fleet();
  try {
    return await use(fleet);
  } finally {
    await fleet.close();
  }
}

/** What an operator gets who gives the order with --stage, and leaves. */
function put(path: string, content: Uint8Array, more: object = {}, effect?: Uint8Array): Promise<Given> {
  return byFleet(async (fleet) => {
    const args = { path, mtime: 1_700_000_000, stage: {}, ...more };
    const options = { signal, ...(effect === undefined ? {} : { effect }) };
    const { id, outcome } = await fleet.put(DEVICE, args, memorySource(content), options);
    return { id: toHex(id), outcome };
  });
}

function rm(path: string, more: object = {}): Promise<Given> {
  return byFleet(async (fleet) => {
    const order = await fleet.order(DEVICE, 'file.delete', { path, stage: {}, ...more }, { signal });
    return { id: toHex(order.id), outcome: await order.outcome };
  });
}

const waitsFor = ({ outcome }: Given): string => (outcome.is === 'staged' ? outcome.waits.code : outcome.is);

const receiptsOf = ({ id }: Given): Receipt[] =>
  host.said('receipt').filter((receipt) => toHex(receipt.id) === id);

/** Waits for something to have happened, and lets time pass while all that is staged waits for that. */
async function comesTrue(condition: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(async () => {
    if (await condition()) return true;
    const { orders } = await staged();
    // A leap is none for whatever is at work: its own deadlines would be over.
    if (orders.every(({ state }) => state === 'waiting')) clock.leap(seconds(40));
    return false;
  }, 60_000);
}

async function ended(given: Given): Promise<Receipt> {
  await comesTrue(() => receiptsOf(given).length > 0);
  return receiptsOf(given)[0]!;
}

const staged = async () => (await host.give('staged.list', {})).result!;

await t.test('a put for a host that is on: kept, and on the disk once the host is off, once', async (t) => {
  power('S0');
  const content = noise(200_000, 1);
  const given = await put('/srv/new', content);
  t.equal(waitsFor(given), 'HOST_AWAKE');
  t.match((await staged()).orders, [
    { place: '/srv/new', size: 200_000, state: 'waiting', waits: { code: 'HOST_AWAKE' }, tries: 0 },
  ]);
  await host.restart();
  t.equal((await staged()).orders.length, 1, 'a restart loses nothing');
  const before = host.writes;
  clock.leap(hours(30));
  t.equal((await staged()).orders[0]?.tries, 0, 'the disk of a host that is on is left alone');
  t.equal(host.writes, before);
  power('S5');
  t.match(await ended(given), {
    outcome: 'succeeded',
    result: { path: '/srv/new', readBack: { from: String } },
  });
  t.same(await host.disk.read('/srv/new'), Buffer.from(content));
  t.equal(await host.disk.faults(), '');
  t.match((await staged()).ended.at(-1), { id: Uint8Array, place: '/srv/new', outcome: 'succeeded' });
  power('S0');
  await rm('/srv/nothing', { stage: { seconds: 1 } });
  power('S5');
  await comesTrue(async () => (await staged()).orders.length === 0);
  t.equal(receiptsOf(given).length, 1);
});

await t.test('a whole tree waits as one file does, and a restart keeps it', async (t) => {
  power('S0');
  const root = join(dir, 'tree');
  await mkdir(join(root, 'deep'), { recursive: true });
  await writeFile(join(root, 'one'), 'one\n');
  await writeFile(join(root, 'deep/two'), noise(100_000, 7));
  const packed = await packTree(root, { preserve: false, privileges: false, signal });
  const given = await byFleet(async (fleet) => {
    const args = { path: '/srv/tree', tree: true, mtime: 1_700_000_000, stage: {} };
    const { id, outcome } = await fleet.put(DEVICE, args, packed, { signal });
    return { id: toHex(id), outcome };
  });
  await packed.close();
  t.equal(waitsFor(given), 'HOST_AWAKE');
  await host.restart();
  t.match((await staged()).orders, [{ place: '/srv/tree', waits: { code: 'HOST_AWAKE' } }]);
  power('S5');
  t.match(await ended(given), { outcome: 'succeeded' });
  t.equal(String(await host.disk.read('/srv/tree/one')), 'one\n');
  t.same(await host.disk.read('/srv/tree/deep/two'), Buffer.from(noise(100_000, 7)));
  t.equal(await host.disk.faults(), '');
});

await t.test('the same packet again while it waits: the same order, told what it waits for', async (t) => {
  power('S0');
  const packet = await host.packet({ verb: 'file.delete', args: { path: '/srv/old', stage: {} } });
  for (let i = 1; i <= 3; i += 1) {
    host.send(packet);
    await eventually(() => host.said('staged').filter(({ waits }) => waits.code === 'HOST_AWAKE').length > i);
  }
  t.equal((await staged()).orders.length, 1);
  power('S5');
  await comesTrue(async () => (await staged()).orders.length === 0);
  const { id } = (await staged()).ended.at(-1)!;
  const receipts = () => host.said('receipt').filter((receipt) => toHex(receipt.id) === toHex(id));
  t.match(receipts(), [{ outcome: 'succeeded', result: { removed: 1 } }]);
  t.equal(await host.disk.text('/srv/old'), undefined);
  host.send(packet);
  await eventually(() => receipts().length > 1);
  t.same(receipts()[1], receipts()[0], 'afterwards: the same receipt');
});

await t.test('two of the same contents share them, and go in their order', async (t) => {
  power('S0');
  const content = noise(50_000, 2);
  const orders = [await put('/srv/one', content), await put('/srv/two', content)];
  t.same(orders.map(waitsFor), ['HOST_AWAKE', 'HOST_AWAKE']);
  t.equal((await staged()).room.used, 50_000);
  power('S5');
  const receipts: Receipt[] = [];
  for (const order of orders) receipts.push(await ended(order));
  t.match(receipts, [{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
  t.ok(receipts[0]!.seq < receipts[1]!.seq);
  for (const path of ['/srv/one', '/srv/two']) t.same(await host.disk.read(path), Buffer.from(content));
});

await t.test('its time ends, or somebody cancels it: nothing is written, and its contents go', async (t) => {
  power('S0');
  const short = await put('/srv/short', noise(1000, 4), { stage: { seconds: 3600 } });
  const long = await put('/srv/long', noise(1000, 5));
  clock.leap(hours(2));
  t.match(await ended(short), {
    outcome: 'expired',
    refusal: { code: 'STAGED_ENDED', sentence: /HOST_AWAKE/ },
  });
  t.match(await host.give('task.cancel', { task: fromHex(long.id) }), { outcome: 'succeeded' });
  t.match(await ended(long), { outcome: 'cancelled', refusal: { code: 'CANCELLED' } });
  await comesTrue(async () => (await staged()).orders.length === 0);
  t.equal((await staged()).room.used, 0);
  power('S5');
  t.equal(await host.disk.read('/srv/short'), undefined);
  t.equal(await host.disk.read('/srv/long'), undefined);
});

await t.test('a dirty journal is waited for, and so is whoever shuts the host down cleanly', async (t) => {
  await host.disk.tamper(['feature needs_recovery']);
  const given = await put('/srv/clean', utf8('clean\n'));
  t.equal(waitsFor(given), 'VOLUME_DIRTY');
  await comesTrue(async () => ((await staged()).orders[0]?.tries ?? 0) > 1);
  power('S0');
  await host.disk.tamper(['feature -needs_recovery']);
  power('S5');
  t.match(await ended(given), { outcome: 'succeeded' });
  t.equal(await host.disk.text('/srv/clean'), 'clean\n');
});

await t.test('what was approved is done, and nothing else', async (t) => {
  power('S0');
  const given = await put('/srv/approved', utf8('approved\n'), {}, new Uint8Array(32).fill(1));
  t.equal(waitsFor(given), 'HOST_AWAKE');
  power('S5');
  t.match(await ended(given), { outcome: 'refused', refusal: { code: 'EFFECT_DIFFERS' } });
  t.equal(await host.disk.text('/srv/approved'), undefined);
});

await t.test(
  'all is judged again: a system path behind a new link, a file that is there by now',
  async (t) => {
    power('S0');
    const linked = await put('/srv/link/passwd', utf8('root::0:0\n'), { replace: true, parents: true });
    const there = await put('/srv/there', utf8('mine\n'));
    await host.disk.tamper(['mkdir /etc', 'symlink /srv/link ../etc']);
    const theirs = join(host.dir, 'theirs');
    await writeFile(theirs, 'theirs\n');
    await host.disk.tamper([`write ${theirs} /srv/there`]);
    power('S5');
    t.match(await ended(linked), { outcome: 'refused', refusal: { code: 'NEEDS_TOKEN' } });
    t.match(await ended(there), { outcome: 'refused', refusal: { code: 'FILE_EXISTS' } });
    t.equal(await host.disk.text('/srv/there'), 'theirs\n');
  },
);

await t.test('a key that is taken away while its order waits orders nothing', async (t) => {
  power('S0');
  const given = await put('/srv/gone', utf8('gone\n'));
  await host.stop();
  await host.boot({ keyring: testKeyring({ otto: [host.operator2, 'operator'] }) });
  power('S5');
  t.match(await ended(given), { outcome: 'refused', refusal: { code: 'KEY_UNKNOWN' } });
  await host.restart();
  t.match(await staged(), { orders: [] });
  t.equal(await host.disk.text('/srv/gone'), undefined);
});

await t.test('more than its share of own storage is not kept', async (t) => {
  power('S0');
  const given = await put('/srv/large', noise(5 * 1024 * 1024, 6));
  t.equal(waitsFor(given), 'HOST_AWAKE');
  const more = await put('/srv/larger', noise(5 * 1024 * 1024, 7));
  t.match(more.outcome, { is: 'rejected', refusal: { code: 'STAGED_FULL' } });
  await host.give('task.cancel', { task: fromHex(given.id) });
  await ended(given);
});

await t.test('a machine that is disabled drops it, and writes nothing when it is given back', async (t) => {
  power('S0');
  const given = await rm('/srv/kept');
  await host.give('machine.disable', {}, { key: host.officer });
  t.match(await ended(given), { outcome: 'cancelled', refusal: { code: 'DISABLED' } });
  await host.give('machine.enable', {}, { key: host.officer });
  power('S5');
  t.equal(await host.disk.text('/srv/kept'), 'kept\n');
});

await t.test('another disk in the host meanwhile is not written', async (t) => {
  power('S0');
  const given = await put('/srv/elsewhere', utf8('elsewhere\n'));
  await host.disk.tamper(['set_super_value uuid 01234567-89ab-cdef-0123-456789abcdef']);
  const before = await host.disk.hash();
  power('S5');
  t.match(await ended(given), { outcome: 'refused', refusal: { code: 'VOLUME_REPLACED' } });
  t.equal(await host.disk.hash(), before);
});

await t.test('thirty-one days are the most', async (t) => {
  const longer = { stage: { seconds: days(31) / 1000 + 1 } };
  await t.rejects(rm('/srv/kept', longer), { code: 'NS_ORDER_INVALID' });
  t.equal(milliseconds(days(31)), 2_678_400_000);
});
