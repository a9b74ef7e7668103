import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { memorySource } from '../kit/fleet-bench.ts';

const host = await ColdHost.start({
  size: 32,
  limits: { stagingMiB: 24 },
  fill: async (tree) => {
    await mkdir(join(tree, 'srv'));
    await writeFile(join(tree, 'srv/file'), 'old\n');
  },
});
t.teardown(() => host.close());

const content = Buffer.alloc(MiB, 'right');
const openFiles = async () => (await readdir('/proc/self/fd')).length;
const staged = async () => (await readdir(host.state)).filter((name) => name.startsWith('staged-'));
const signal = new AbortController().signal;

await t.test('bytes that are not what was announced never reach the disk', async (t) => {
  const before = await host.disk.hash();
  const fleet = await host.fleet();
  t.teardown(() => fleet.close());
  const lie = { ...memorySource(Buffer.alloc(MiB, 'wrong')), sha256: memorySource(content).sha256 };
  const lied = await fleet.put('host1', { path: '/srv/file', replace: true }, lie, { signal });
  t.match(lied.outcome, { receipt: { outcome: 'refused', refusal: { code: 'TRANSFER_CORRUPT' } } });
  t.same(await staged(), [], 'and are not kept for the next try');
  const failing = {
    ...memorySource(content),
    read: (offset: number, into: Uint8Array) =>
      offset > MiB / 2
        ? Promise.reject(new Error('the disk is gone'))
        : memorySource(content).read(offset, into),
  };
  const failed = await fleet.put('host1', { path: '/srv/file', replace: true }, failing, { signal });
  t.match(failed.outcome, { receipt: { outcome: /^(failed|refused)$/ } });
  t.equal(await host.disk.hash(), before);
  t.match(await host.put('/srv/file', content, { replace: true }), { outcome: 'succeeded' });
  t.same(
    createHash('sha256')
      .update((await host.disk.read('/srv/file')) ?? '')
      .digest(),
    Buffer.from(lie.sha256),
  );
  t.same(await staged(), []);
});

await t.test('what the device cannot stage is refused before a byte is sent', async (t) => {
  let sent = 0;
  const count = () => {
    sent += 1;
  };
  t.match(await host.put('/srv/huge', Buffer.alloc(25 * MiB), { onProgress: count }), {
    outcome: 'refused',
    code: 'FILE_TOO_LARGE',
  });
  t.equal(sent, 0);
});

await t.test('orders of every kind and end leave no file open', async (t) => {
  const round = async (n: number) => {
    await host.put(`/srv/put-${n}`, Buffer.from(`${n}\n`));
    await host.put(`/srv/put-${n}`, Buffer.from('again\n'));
    await host.put(`/srv/dry-${n}`, Buffer.from('dry\n'), { dryRun: true });
    await host.put('/boot/no', Buffer.from('no\n'), { parents: true });
    await host.get(`/srv/put-${n}`);
    await host.get('/srv/none');
    await host.give('file.delete', { path: `/srv/put-${n}` });
    await host.give('file.list', { path: '/', recursive: true });
  };
  await round(0);
  const before = await openFiles();
  for (let n = 1; n <= 5; n += 1) await round(n);
  const after = await openFiles();
  t.ok(after <= before + 1, `${before} open before, ${after} after`);
  t.equal(await host.disk.faults(), '');
});
