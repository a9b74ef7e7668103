import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileDevice } from '../../../../src/adapters/file-device.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { MiB } from '../../../../src/base/index.ts';
import { openExt4 } from '../../../../src/storage/index.ts';
import { considerate } from '../../../../src/tasks/file/give-way.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';

const place = await scratch();
t.teardown(place.remove);

await t.test('a file that is one hole is read without keeping all others waiting', async (t) => {
  const image = join(place.dir, 'image');
  await writeFile(join(place.dir, 'tree'), '');
  await writeFile(image, '');
  await truncate(image, 8 * MiB);
  await run('mkfs.ext4', ['-q', '-F', image]);
  const hole = join(place.dir, 'hole');
  await (await open(hole, 'w')).close();
  await truncate(hole, 64 * 1024 * MiB);
  await run('debugfs', ['-w', '-R', 'write /dev/null hole', image]);
  await run('debugfs', ['-w', '-R', `set_inode_field hole size ${64 * 1024 * MiB}`, image]);
  const device = await openFileDevice(image, { name: 'disk0', writable: false });
  t.teardown(() => device.close());
  const fs = considerate(await openExt4(device), systemClock);
  const opened = await fs.open('/hole');
  if (!opened.ok) throw new Error(opened.refusal.sentence);
  const stopping = new AbortController();
  // Only another's turn can end the loop: it is long enough for minutes.
  setImmediate(() => stopping.abort());
  const chunk = new Uint8Array(MiB);
  const readAll = async (): Promise<number> => {
    for (let at = 0; ; ) {
      const count = await opened.value.read(at, chunk, stopping.signal);
      if (count === 0) return at;
      at += count;
    }
  };
  await t.rejects(readAll(), { name: 'AbortError' });
});
