import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice, VolumeEdit } from '../../src/ports/index.ts';
import { Overlay } from '../../src/storage/index.ts';
import { attributes, e2fsprogsBench, TIME } from '../kit/e2fsprogs-bench.ts';
import { ext4Image } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { noise } from '../kit/noise.ts';

const { directory, store, work, editor, stage } = await e2fsprogsBench();
t.teardown(() => directory.remove());

await t.test('an abort ends the tools and leaves nothing mounted', async (t) => {
  const image = await ext4Image({ size: 64 * MiB, mkfs: ['-b', '1024'] });
  const content = await stage('slow', noise(8 * MiB, 6));
  const stop = new AbortController();
  const overlay = new Overlay(new MemoryDevice('disk0p1', image));
  const put: VolumeEdit = { edit: 'put-file', path: '/slow', content, attributes, replace: false };
  const { device, written } = stuck(overlay, stop.signal);
  const edit = editor.edit(device, 'ext4', [put], TIME, stop.signal);
  await written;
  const reason = new Error('the host wakes');
  stop.abort(reason);
  await t.rejects(edit, reason);
  t.same(await readdir(work), []);
  t.notMatch(await readFile('/proc/mounts', 'utf8'), directory.path);
  await content.data.close();
  await store.remove('slow');
});

await t.test(
  'killed in the middle, we leave no tool running, and the next start clears the rest',
  async (t) => {
    const place = join(directory.path, 'killed');
    const source = join(directory.path, 'source');
    await writeFile(source, noise(100_000, 9));
    await mkdir(place);
    const program = join(import.meta.dirname, '..', 'kit', 'edit-forever.ts');
    const child = spawn(process.execPath, ['--import=tsx', program, place, source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    t.match(await readFile('/proc/mounts', 'utf8'), place);
    t.ok((await toolsAt(place)).length >= 2, 'nbdfuse and debugfs are at work');
    child.kill('SIGKILL');
    await once(child, 'close');
    for (let i = 0; i < 500 && (await toolsAt(place)).length > 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    t.same(await toolsAt(place), []);
    await openE2fsprogs({ stagedPath: () => source, directory: place });
    t.same(await readdir(place), []);
    t.notMatch(await readFile('/proc/mounts', 'utf8'), place);
  },
);

/** A device whose writes do not end before a signal. */
function stuck(overlay: Overlay, stop: AbortSignal): { device: BlockDevice; written: Promise<void> } {
  let tell = (): void => {};
  const written = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const device: BlockDevice = {
    name: 'stuck',
    capabilities: overlay.capabilities,
    read: (offset, into, signal) => overlay.read(offset, into, signal),
    write: async () => {
      tell();
      if (!stop.aborted) await once(stop, 'abort');
    },
    flush: async () => {},
    trim: async () => {},
    close: async () => {},
  };
  return { device, written };
}

/** Command lines of the processes that have to do with a directory. */
async function toolsAt(place: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (line.includes(place) && !line.includes('edit-forever')) found.push(line);
  }
  return found;
}
