import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { makeManyFiles, manyName } from '../kit/many-files.ts';

const COUNT = 100_000;
const { dir, remove } = await scratch();
t.teardown(remove);
const image = join(dir, 'image');
await makeManyFiles({ path: image, count: COUNT });
const host = await ColdHost.start({ image });
t.teardown(() => host.close());

async function diskHash(): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(image), hash);
  return hash.digest('hex');
}

await t.test('a list of all goes on anywhere in a directory of 100,000', async (t) => {
  const before = process.memoryUsage.rss();
  const after = manyName(COUNT - 700);
  const wanted = Array.from({ length: 400 }, (_, i) => manyName(COUNT - 699 + i));
  for (const [path, recursive, prefix] of [
    ['/', true, 'many/'],
    ['/many', true, ''],
    ['/many', false, ''],
  ] as const) {
    const page = await host.give('file.list', { path, recursive, after: `${prefix}${after}`, limit: 400 });
    const names = page.result?.entries.map(({ name }) => name);
    t.same(
      names,
      wanted.map((name) => `${prefix}${name}`),
    );
    t.equal(page.result?.next, names?.at(-1));
    const last = await host.give('file.list', {
      path,
      recursive,
      after: `${prefix}${manyName(COUNT - 3)}`,
    });
    t.equal(last.result?.entries.length, 2);
    t.equal(last.result?.next, undefined);
  }
  t.comment(
    `figure: ${Math.round((process.memoryUsage.rss() - before) / 2 ** 20)} MiB more in the process after 6 pages`,
  );
  t.match(await host.give('file.list', { path: '/', recursive: true, after: 'many/none' }), {
    outcome: 'refused',
    code: 'NO_SUCH_FILE',
    remedy: /again from the start/,
  });
});

await t.test('removing it at once is refused, exactly, and a part of it goes', async (t) => {
  const before = await diskHash();
  const all = await host.give('file.delete', { path: '/many', recursive: true });
  t.match(all, {
    outcome: 'refused',
    code: 'TOO_MANY_FILES',
    sentence: /more than 4096 files/,
    remedy: /pattern that fits fewer names/,
  });
  t.match(await host.give('file.delete', { path: '/many/file-0*' }), { code: 'TOO_MANY_FILES' });
  t.equal(await diskHash(), before, 'the disk is as it was');
  const part = await host.give('file.delete', { path: '/many/file-09999?.log' });
  t.match(part, { outcome: 'succeeded', result: { removed: 10 } });
  const last = await host.give('file.list', { path: '/many', after: manyName(COUNT - 12) });
  t.same(
    last.result?.entries.map(({ name }) => name),
    [manyName(COUNT - 11)],
  );
});
