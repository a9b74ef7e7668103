import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB, milliseconds, toHex } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { seededRandom } from '../kit/power-cut.ts';

const noise = (size: number, seed: number): Buffer => {
  const random = seededRandom(seed);
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256)));
};
const pause = (ms: number) => systemClock.sleep(milliseconds(ms), new AbortController().signal);
const BIG = noise(4 * MiB, 1);

const host = await ColdHost.start({
  size: 32,
  fill: async (tree) => {
    await mkdir(join(tree, 'srv'));
    for (let n = 0; n < 40; n += 1) await writeFile(join(tree, `srv/file-${n}`), `${n}\n`);
    await writeFile(join(tree, 'big'), BIG);
  },
});
t.teardown(() => host.close());

const receiptsOf = () => {
  const found = new Map<string, Set<string>>();
  for (const receipt of host.said('receipt')) {
    const id = toHex(receipt.id);
    const seen = found.get(id) ?? new Set();
    found.set(id, seen.add(`${receipt.seq} ${receipt.outcome} ${receipt.refusal?.code ?? ''}`));
  }
  return found;
};
const idOf = (n: number, of: number) => new Uint8Array(16).fill(of).fill(n, 0, 1);

await t.test('a broker that goes away loses neither orders nor answers', async (t) => {
  const first = await host.packet({ id: idOf(0, 1), verb: 'file.delete', args: { path: '/srv/file-0' } });
  host.send(first);
  await eventually(() => host.said('accepted').length > 0);
  host.bus.disconnect('the broker is gone');
  // The task goes on without it, and its answer waits.
  await eventually(async () => (await host.disk.text('/srv/file-0')) === undefined);
  const packets = [first];
  for (let n = 1; n <= 11; n += 1) {
    packets.push(
      await host.packet({ id: idOf(n, 1), verb: 'file.delete', args: { path: `/srv/file-${n}` } }),
    );
  }
  // Each twice: an operator who hears nothing sends again.
  for (const packet of packets) for (let i = 0; i < 2; i += 1) host.send(packet);
  await pause(300);
  t.equal(receiptsOf().size, 0);
  host.bus.connect();
  await eventually(() => receiptsOf().size === 12);
  for (const [id, ends] of receiptsOf()) {
    t.equal(ends.size, 1, `${id.slice(0, 4)}: one answer, however often it is heard`);
    t.match([...ends][0], /succeeded/);
  }
  for (let n = 0; n <= 11; n += 1) t.equal(await host.disk.text(`/srv/file-${n}`), undefined);
  t.equal(await host.disk.text('/srv/file-25'), '25\n');
  t.equal(await host.disk.faults(), '');
});

await t.test('an answer that never left is fetched by the same order, also over a restart', async (t) => {
  const packet = await host.packet({ id: idOf(0, 2), verb: 'file.delete', args: { path: '/srv/file-30' } });
  const accepted = host.said('accepted').length;
  host.send(packet);
  await eventually(() => host.said('accepted').length > accepted);
  host.bus.disconnect('the broker is gone');
  await eventually(async () => (await host.disk.text('/srv/file-30')) === undefined);
  await pause(200);
  await host.restart();
  host.send(packet);
  const id = toHex(idOf(0, 2));
  await eventually(() => receiptsOf().has(id));
  t.match([...(receiptsOf().get(id) ?? [])], [/succeeded/]);
});

await t.test(
  'two orders for one file at once: each answered once, the file wholly one of them',
  async (t) => {
    const a = noise(300_000, 11);
    const b = noise(200_000, 12);
    for (let round = 0; round < 2; round += 1) {
      const ends = await Promise.all([
        host.put('/srv/both', a, { replace: true }),
        host.put('/srv/both', b, { replace: true }),
      ]);
      t.same(
        ends.map(({ outcome }) => outcome),
        ['succeeded', 'succeeded'],
      );
      const there = await host.disk.read('/srv/both');
      t.ok(there?.equals(a) || there?.equals(b), 'two puts');
    }
    const once = await Promise.all([host.put('/srv/new', a), host.put('/srv/new', b)]);
    t.same(once.map(({ outcome, code }) => `${outcome} ${code}`).sort(), [
      'refused FILE_EXISTS',
      'succeeded undefined',
    ]);
    const winner = once[0]?.outcome === 'succeeded' ? a : b;
    t.ok((await host.disk.read('/srv/new'))?.equals(winner));

    const twins = await Promise.all([host.put('/srv/twin-1', a), host.put('/srv/twin-2', a)]);
    t.same(
      twins.map(({ outcome }) => outcome),
      ['succeeded', 'succeeded'],
      'the same content to two places',
    );
    t.ok((await host.disk.read('/srv/twin-1'))?.equals(a));
    t.ok((await host.disk.read('/srv/twin-2'))?.equals(a));

    for (let round = 0; round < 2; round += 1) {
      const [put, rm] = await Promise.all([
        host.put('/srv/both', a, { replace: true }),
        host.give('file.delete', { path: '/srv/both' }),
      ]);
      t.equal(put.outcome, 'succeeded');
      t.match(`${rm.outcome} ${rm.code ?? ''}`, /^(succeeded |refused NO_SUCH_FILE)$/);
      const there = await host.disk.read('/srv/both');
      t.ok(there === undefined || there.equals(a), 'put and rm');
    }
    await host.put('/srv/both', a, { replace: true });
    for (let round = 0; round < 2; round += 1) {
      const [got, put] = await Promise.all([
        host.get('/srv/both'),
        host.put('/srv/both', round % 2 === 0 ? b : a, { replace: true }),
      ]);
      t.equal(put.outcome, 'succeeded');
      t.equal(got.outcome, 'succeeded');
      const there = Buffer.from(got.sink.finished ?? []);
      t.ok(there.equals(a) || there.equals(b), 'get and put');
    }
    t.equal(await host.disk.faults(), '');
  },
);

await t.test(
  'a host that is suddenly on, suspended or unreadable ends tasks, and nothing is half done',
  async (t) => {
    const power = host.machine.host;
    await host.put('/srv/state', noise(1000, 20), { replace: true });
    let was = noise(1000, 20);
    let seed = 21;
    for (const state of ['S0', 'S3', 'S4', 'unknown'] as const) {
      for (const ms of [5, 100]) {
        seed += 1;
        const next = noise(400_000, seed);
        const putting = host.put('/srv/state', next, { replace: true });
        await pause(ms);
        power.set(state);
        const put = await putting;
        const ended = `${put.outcome} ${put.code ?? ''}`;
        t.match(
          ended,
          /^(succeeded |refused HOST_(WAKING|AWAKE|SUSPENDED|HIBERNATED|STATE_UNKNOWN))$/,
          `${state} after ${ms} ms: ${ended}`,
        );
        if (put.outcome === 'succeeded') was = next;
        else t.ok((put.remedy ?? '') !== '');
        t.ok((await host.disk.read('/srv/state'))?.equals(was), 'wholly old or new');
        const refused = await host.give('file.list', { path: '/' });
        t.match(
          refused.code,
          /^HOST_(WAKING|AWAKE|SUSPENDED|HIBERNATED|STATE_UNKNOWN)$/,
          `${state}: ${refused.code}`,
        );
        await eventually(() => host.machine.drives[0]?.at === 'host');
        // What hibernated is not shut down until it was awake.
        power.set('S0');
        power.set('S5');
        await eventually(
          async () => (await host.give('file.stat', { path: '/srv' })).outcome === 'succeeded',
        );
      }
    }
    t.equal(await host.disk.faults(), '');
  },
);

await t.test(
  'a machine disabled in the middle of a put: the put ends, the file is whole, the drive is held',
  async (t) => {
    const old = await host.disk.read('/srv/state');
    let staged = 0;
    let disabling: Promise<unknown> | undefined;
    const put = await host.put('/srv/state', BIG, {
      replace: true,
      onProgress: ({ done }) => {
        staged = done;
        if (done > MiB)
          disabling ??= host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
      },
    });
    t.ok(staged > 0);
    t.match(put, { outcome: /^(cancelled|refused)$/, code: 'DISABLED' });
    t.match(await disabling, { outcome: 'succeeded', result: { changed: true } });
    t.equal(host.machine.drives[0]?.at, 'held');
    t.ok((await host.disk.read('/srv/state'))?.equals(old ?? Buffer.alloc(0)));
    t.match(await host.put('/x', Buffer.from('x')), { outcome: 'refused', code: 'DISABLED' });
    t.equal(host.machine.host.press(), 'ignored');
    await host.restart();
    t.equal(host.machine.drives[0]?.at, 'held', 'also after a restart');
    t.match(await host.give('file.list', { path: '/' }), { outcome: 'refused', code: 'DISABLED' });
    t.match(await host.give('machine.enable', {}, { key: host.officer }), { outcome: 'succeeded' });
    t.match(await host.put('/srv/state', BIG, { replace: true }), { outcome: 'succeeded' });
    t.ok((await host.disk.read('/srv/state'))?.equals(BIG));
    t.equal(await host.disk.faults(), '');
  },
);

await t.test(
  'an agent that restarts while a file comes in goes on with it, and it counts once',
  async (t) => {
    const content = noise(6 * MiB, 40);
    let restarted: Promise<void> | undefined;
    const put = await host.put('/srv/restarted', content, {
      onProgress: ({ done }) => {
        if (done > 2 * MiB) restarted ??= host.restart();
      },
    });
    await restarted;
    t.ok(restarted !== undefined);
    t.match(put, { outcome: 'succeeded' });
    t.ok((await host.disk.read('/srv/restarted'))?.equals(content));
    t.equal(await host.disk.faults(), '');
  },
);
