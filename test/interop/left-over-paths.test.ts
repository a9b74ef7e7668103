import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { withDevicePath } from '../../src/adapters/volume-tools/device-path.ts';
import { whyUnmountable } from '../../src/adapters/volume-tools/why-unusable.ts';
import { scratch } from '../kit/disk-tools.ts';
import { MemoryDevice } from '../kit/memory-device.ts';

/** Above all that Linux gives. */
const NO_PROCESS = 2 ** 22 + 1;

await t.test('what an agent left and cannot be removed keeps no other from mounting', async (t) => {
  const { dir, remove } = await scratch();
  t.teardown(remove);
  const leftOver = join(dir, `nightshift-path-${NO_PROCESS}-x`);
  await mkdir(leftOver);
  // By a name that nobody looks for, something is mounted below it.
  const otherName = `${dir}-too`;
  await symlink(leftOver, otherName);
  t.teardown(() => rm(otherName));
  const { signal } = new AbortController();
  await withDevicePath(otherName, new MemoryDevice('busy', 4096), signal, async () => {
    t.equal(await whyUnmountable(dir), undefined);
  });
});
