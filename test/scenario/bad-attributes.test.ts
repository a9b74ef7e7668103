import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ColdHost } from '../kit/cold-host.ts';

/** Attributes at and past the edge of what an inode keeps. */
const EXTREMES: readonly { readonly [name in 'mtime' | 'uid' | 'gid' | 'mode']?: number }[] = [
  { mtime: 0 },
  { mtime: -1 },
  { mtime: -(2 ** 31) },
  { mtime: -(2 ** 31) - 1 },
  { mtime: 2 ** 31 - 1 },
  { mtime: 2 ** 31 },
  { mtime: 2 ** 32 + 5 },
  { mtime: 2 ** 34 - 2 ** 31 - 1 },
  { mtime: 2 ** 34 },
  { mtime: Number.MAX_SAFE_INTEGER },
  { mtime: Number.MIN_SAFE_INTEGER },
  { uid: 65_536, gid: 65_535 },
  { uid: 2 ** 32 - 1, gid: 2 ** 32 - 1 },
  { mode: 0 },
  { mode: 0o7777 },
];

for (const inode of [256, 128]) {
  await t.test(`inodes of ${inode} bytes keep exactly what was asked for, or it is refused`, async (t) => {
    const host = await ColdHost.start({
      mkfs: ['-I', String(inode)],
      fill: async (tree) => {
        await mkdir(join(tree, 'srv'));
      },
    });
    t.teardown(() => host.close());
    for (const [n, attributes] of EXTREMES.entries()) {
      const path = `/srv/file-${n}`;
      const what = JSON.stringify(attributes);
      const put = await host.put(path, Buffer.alloc(n), attributes);
      if (put.outcome === 'succeeded') {
        const stat = await host.give('file.stat', { path });
        t.match(stat.result?.file, { size: n, ...attributes }, what);
      } else {
        t.match(
          put,
          { outcome: 'refused', code: 'TIME_UNSUPPORTED' },
          `${what}: ${put.code} ${put.sentence}`,
        );
        t.ok((put.remedy ?? '') !== '');
        t.equal(await host.disk.read(path), undefined);
      }
    }
    t.equal(await host.disk.faults(), '');
  });
}
