import fc from 'fast-check';
import t from 'tap';
import { fromUtf8Lossy, utf8 } from '../../../src/base/index.ts';
import { type ArgsOf, VERBS, type Verb } from '../../../src/protocol/index.ts';
import {
  type AuditEntry,
  AuditLog,
  appendEntry,
  auditDetail,
  GENESIS,
  verifyChain,
} from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { MemoryDevice } from '../../kit/memory-device.ts';
import { MemoryState } from '../../kit/memory-state.ts';
import { testOrder } from '../../kit/orders.ts';
import { PowerRail } from '../../kit/power-cut.ts';

const line = (n: number) => ({ at: 1000 + n, event: 'order', detail: `number ${n}` });
const numbers = (entries: readonly AuditEntry[]) => entries.map((entry) => entry.detail);

async function filled(store: MemoryState, count: number, slots = 8): Promise<AuditLog> {
  const log = await AuditLog.open(store, { slots });
  for (let n = 0; n < count; n += 1) await log.append(line(n));
  return log;
}

await t.test('what is appended can be read, also after a restart', async (t) => {
  const store = new MemoryState();
  const log = await filled(store, 3);
  await log.append({ ...line(3), by: utf8('issuer00') });
  const again = await AuditLog.open(store, { slots: 8 });
  t.strictSame(again.head, log.head);
  const page = await again.read();
  t.strictSame(page, await log.read());
  t.strictSame(numbers(page.entries), ['number 0', 'number 1', 'number 2', 'number 3']);
  t.strictSame(page.entries[3]?.by, utf8('issuer00'));
  t.strictSame(page.head, log.head.hash);
  t.notOk('next' in page);
});

await t.test('a new log is empty and stands at the beginning', async (t) => {
  const log = await AuditLog.open(new MemoryState(), { slots: 8 });
  t.strictSame(log.head, GENESIS);
  t.strictSame(await log.read(), { entries: [], head: GENESIS.hash, before: GENESIS.hash });
});

await t.test('the ring keeps the newest entries, and pages go on where they stopped', async (t) => {
  const store = new MemoryState();
  const log = await filled(store, 21);
  t.equal(log.first, 13);
  const first = await log.read(0, 5);
  t.strictSame(
    numbers(first.entries),
    [13, 14, 15, 16, 17].map((n) => `number ${n}`),
  );
  t.equal(first.next, 18);
  const rest = await log.read(first.next, 100);
  t.equal(rest.entries.length, 3);
  t.notOk('next' in rest);
  t.equal((await AuditLog.open(store, { slots: 8 })).first, 13);
  t.strictSame((await log.read(999)).entries, []);
});

await t.test('what is read while an entry takes the place of the oldest is whole', async (t) => {
  const log = await filled(new MemoryState(), 8);
  const [, page] = await Promise.all([log.append(line(8)), log.read(), log.append(line(9))]);
  t.same(page.entries.length, 8);
});

await t.test('pages verify against a head that is known, and nothing can be changed unseen', async (t) => {
  const log = await filled(new MemoryState(), 6);
  const { entries, head } = await log.read();
  t.strictSame(verifyChain(GENESIS, entries), { seq: 6, hash: head });
  const middle = await log.read(2, 2);
  const start = verifyChain(GENESIS, entries.slice(0, 2));
  t.strictSame(start && verifyChain(start, middle.entries)?.hash, middle.head);
  fc.assert(
    fc.property(fc.nat(5), fc.constantFrom('at', 'event', 'detail', 'by', 'drop', 'swap'), (at, how) => {
      const entry = entries[at] as AuditEntry;
      const forged = [...entries];
      if (how === 'drop') forged.splice(at, 1);
      else if (how === 'swap') forged.reverse();
      else if (how === 'at') forged[at] = { ...entry, at: entry.at + 1 };
      else if (how === 'by') forged[at] = { ...entry, by: utf8('somebody') };
      else forged[at] = { ...entry, [how]: `${entry[how as 'detail']}!` };
      const hash = verifyChain(GENESIS, forged)?.hash;
      return hash === undefined || Buffer.compare(hash, head) !== 0;
    }),
  );
});

await t.test('a power cut at any write loses at most the entry that was not yet confirmed', async (t) => {
  const appends = 20;
  let cuts = 0;
  for (let cutAt = 1; cutAt <= 2 * appends; cutAt += 1) {
    for (const seed of [1, 2, 3]) {
      const store = new MemoryState();
      const rail = new PowerRail({ cutAt, seed });
      store.wrap = (device) => rail.wrap(device as MemoryDevice);
      const log = await AuditLog.open(store, { slots: 8 });
      let confirmed = 0;
      for (; confirmed < appends; confirmed += 1) {
        if (
          !(await log.append(line(confirmed)).then(
            () => true,
            () => false,
          ))
        )
          break;
      }
      store.wrap = (device) => device;
      const after = await AuditLog.open(store, { slots: 8 });
      if (after.head.seq < confirmed || after.head.seq > confirmed + 1) t.fail(`cut at ${cutAt}`);
      const kept = numbers((await after.read()).entries);
      if (kept.length < Math.min(confirmed, 7)) t.fail(`cut at ${cutAt}: ${kept.length} entries kept`);
      await after.append(line(99));
      cuts += 1;
    }
  }
  t.equal(cuts, 6 * appends);
});

await t.test('a damaged entry ends what is given out, and is never passed over', async (t) => {
  const store = new MemoryState();
  const log = await filled(store, 6);
  const region = await store.region('audit', 8 * 1024);
  await region.write(2 * 1024 + 40, utf8('forged'));
  await t.rejects(log.read(), { code: 'NS_AUDIT_DAMAGED' });
  const again = await AuditLog.open(store, { slots: 8 });
  t.equal(again.first, 3);
  t.strictSame(again.head, log.head);
  t.equal((await again.read()).entries.length, 3);
});

await t.test('an entry from another chain, whole in itself, does not join this one', async (t) => {
  const store = new MemoryState();
  await filled(store, 4);
  const other = new MemoryState();
  const log = await AuditLog.open(other, { slots: 8 });
  for (let n = 0; n < 4; n += 1) await log.append({ ...line(n), detail: 'another past' });
  const slot = new Uint8Array(1024);
  await (await other.region('audit', 8 * 1024)).read(1024, slot);
  await (await store.region('audit', 8 * 1024)).write(1024, slot);
  t.equal((await AuditLog.open(store, { slots: 8 })).first, 2);
});

await t.test('entries given at once are kept one after another, and too many are refused', async (t) => {
  const log = await AuditLog.open(new MemoryState(), { slots: 512 });
  const results = await Promise.allSettled(Array.from({ length: 300 }, async (_, n) => log.append(line(n))));
  const kept = results.filter((result) => result.status === 'fulfilled').length;
  t.equal(kept, 256);
  t.equal(log.head.seq, 256);
  t.match(results[299], { status: 'rejected', reason: { code: 'NS_AUDIT_BUSY' } });
});

await t.test('a long detail is cut at a whole character', async (t) => {
  const log = await AuditLog.open(new MemoryState(), { slots: 8 });
  for (const detail of ['ä'.repeat(1000), '😀'.repeat(1000), `x${'😀'.repeat(1000)}`]) {
    await log.append({ ...line(0), detail });
  }
  for (const { detail } of (await log.read()).entries) {
    t.match(detail, /^x?(ä|😀)+…$/u);
    t.ok(utf8(detail).byteLength <= 700);
  }
});

await t.test('the chain hash is over the bytes of the entry, with the hash before it', async (t) => {
  const one = appendEntry(GENESIS, line(1));
  const two = appendEntry(one.head, line(1));
  t.equal(two.head.seq, 2);
  t.ok(Buffer.from(two.bytes).includes(Buffer.from(one.head.hash)));
});

await t.test('no secret that an order carries reaches the log', async (t) => {
  const canary = 'CANARY-7f3a';
  const bytes = utf8(canary.padEnd(32, '.'));
  const key = testKey();
  const args: { readonly [V in Verb]: ArgsOf<V> } = {
    'file.list': { path: '/a', after: canary },
    'file.find': { path: '/a', name: canary, iname: canary, contains: bytes, sha256: bytes, after: [bytes] },
    'file.stat': { path: '/a' },
    'file.upload': { path: '/a' },
    'file.download': { path: '/a', size: 1, sha256: new Uint8Array(32) },
    'file.delete': { path: '/a' },
    'volume.list': {},
    'volume.upload': { volume: 'disk0' },
    'memory.check': { medium: 'storage', disk: canary },
    'io.list': {},
    'io.read': { channel: 'uart0' },
    'io.write': { channel: 'uart0', value: bytes },
    'io.watch': { channel: 'uart0' },
    'sensor.read': {},
    'machine.status': {},
    'machine.disable': { reason: 'stolen' },
    'machine.enable': {},
    'clock.set': { at: 2_000_000_000 },
    'chain.status': { disk: 'disk0' },
    'chain.sync': { disk: 'disk0', action: { do: 'accept', question: new Uint8Array(8) } },
    'task.list': {},
    'task.cancel': { task: new Uint8Array(16) },
    'staged.list': {},
    'audit.read': {},
    'keyring.read': {},
    'keyring.update': { document: bytes },
    'budget.read': {},
    'budget.update': { version: 1, lock: 1, wipe: 1 },
    'media.offer': { size: 512, sha256: new Uint8Array(32) },
    'media.withdraw': {},
    'agent.firmware': {},
    'agent.update': { manifest: bytes, size: 1, sha256: new Uint8Array(32) },
  };
  const store = new MemoryState();
  const log = await AuditLog.open(store, { slots: 32 });
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const order = testOrder(key, { verb, args: args[verb], nonce: bytes, maxAge: 1 });
    await log.append({ at: 0, event: 'order', by: order.iss, detail: auditDetail(order) });
  }
  const { entries } = await log.read();
  t.equal(entries.length, Object.keys(VERBS).length);
  t.match(numbers(entries), [/^file\.list "\/a"$/]);
  const region = new Uint8Array(32 * 1024);
  await (await store.region('audit', region.byteLength)).read(0, region);
  const text = fromUtf8Lossy(region);
  t.ok(text.includes('io.write "uart0"'));
  t.notOk(text.includes('CANARY'));
  t.notOk(text.includes(Buffer.from(bytes).toString('hex')));
});

await t.test('a path with odd characters stays one quoted word', async (t) => {
  const order = testOrder(testKey(), {
    verb: 'file.stat',
    args: { path: '/a\n2026 forged line\u001b[2J\u009b\u202e', volume: 'disk0' },
  });
  t.equal(auditDetail(order), 'file.stat "disk0:/a\\n2026 forged line\\u001b[2J\\u009b\\u202e"');
});

await t.test('whoever listens gets each entry once it is kept, as it was kept', async (t) => {
  const log = await AuditLog.open(new MemoryState(), { slots: 32 });
  const heard: unknown[] = [];
  const stop = log.onAppended((entry) => heard.push(entry));
  await log.append({ at: 5, event: 'a', detail: 'one' });
  await log.append({ at: 6, event: 'b', detail: 'two' });
  stop();
  await log.append({ at: 7, event: 'c', detail: 'three' });
  t.same(heard, (await log.read(0, 2)).entries);
});
