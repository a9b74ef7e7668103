import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { makeFat, mtool } from '../kit/fat-volume.ts';
import { chainOf } from '../kit/grants.ts';
import { ROOTS, rootsOf } from '../kit/keyring-papers.ts';
import { testKey } from '../kit/keys.ts';

const DAY = 24 * 3600;
const { dir, remove } = await scratch();
t.teardown(remove);
const [image, file] = [join(dir, 'disk.img'), join(dir, 'file')];
await makeFat(image, ['-F', '32', '-s', '1'], 40_000);
await writeFile(file, 'x');
for (const name of ['DATA', 'DATA2', 'data base of secrets']) {
  await mtool(image, 'mmd', [`::/${name}`]);
  await mtool(image, 'mcopy', [file, `::/${name}/X.TXT`]);
}
const host = await ColdHost.start({ image, agent: { keyringRoots: rootsOf(2, ROOTS) } });
t.teardown(() => host.close());
const tom = testKey();

async function grantsFor(path: string): Promise<readonly Uint8Array[]> {
  const at = systemClock.wallSeconds();
  return chainOf([host.operator, tom], [{ at, notAfter: at + DAY, scopes: [{ paths: [path] }] }]);
}

await t.test('a grant for a place holds for what the volume has there, in whatever letters', async (t) => {
  const grants = await grantsFor('/data');
  for (const path of ['/data', '/data/X.TXT', '/data/x.txt']) {
    const stat = await host.give('file.stat', { path }, { key: tom, grants });
    t.match(stat, { outcome: 'succeeded' }, path);
  }
  const list = await host.give('file.list', { path: '/data/*' }, { key: tom, grants });
  t.same(
    list.result?.entries.map(({ name }) => name),
    ['/data/X.TXT'],
  );
  const gone = await host.give('file.delete', { path: '/data/x.txt' }, { key: tom, grants });
  t.match(gone, { outcome: 'succeeded', result: { removed: 1 } });
});

await t.test('and for nothing that it does not name', async (t) => {
  const grants = await grantsFor('/data');
  // The door knows nothing of the volume: there letters count.
  for (const path of ['/DATA2/X.TXT', '/data2/X.TXT', '/DATABA~1/X.TXT', '/DATA/X.TXT', '/']) {
    const stat = await host.give('file.stat', { path }, { key: tom, grants });
    t.match(stat, { code: 'OUT_OF_SCOPE' }, path);
  }
  const short = await grantsFor('/DATABA~1');
  const stat = await host.give('file.stat', { path: '/DATABA~1/X.TXT' }, { key: tom, grants: short });
  t.match(stat, { code: 'OUT_OF_SCOPE' }, 'a short name is what the disk makes of it');
});
