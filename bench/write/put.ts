import { join } from 'node:path';
import { openFileDevice } from '../../src/adapters/file-device.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { allow, MiB } from '../../src/base/index.ts';
import { openDeviceEditors } from '../../src/programs/agent/editors.ts';
import { changeVolume } from '../../src/storage/index.ts';
import { readBackFile } from '../../src/tasks/file/read-back.ts';

/** One put as the agent makes it, from the staged file to the look at the disk after it: node put.mjs DIRECTORY TYPE MIB */

/** What one put took: milliseconds by step, and bytes of memory before it and at most. */
export interface Put {
  readonly steps: Readonly<Record<string, number>>;
  readonly memoryBefore: number;
  readonly peakMemory: number;
}

const TIME = 1_700_000_000;
const { signal } = new AbortController();
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

async function put(dir: string, type: string, size: number): Promise<void> {
  const memoryBefore = process.resourceUsage().maxRSS * 1024;
  const store = await openFileStateStore(join(dir, 'state'));
  const editor = await openDeviceEditors({
    stagedPath: (name) => store.pathOf(name),
    directory: join(dir, 'work'),
  });
  const content = await store.stagedFile('content', size);
  const volume = await openFileDevice(join(dir, 'image'), { name: 'disk0', writable: true, medium: true });
  const steps: Record<string, number> = {};
  let step = 'prepare';
  let since = now();
  const begin = (next: string): void => {
    steps[step] = (steps[step] ?? 0) + now() - since;
    step = next;
    since = now();
  };
  const changed = await changeVolume({
    disk: 'disk0',
    volumeName: 'disk0',
    volume,
    volumeStart: 0,
    type,
    edits: [
      {
        edit: 'put-file',
        path: '/big',
        content,
        attributes: { mode: 0o644, uid: 0, gid: 0, mtime: TIME },
        replace: false,
      },
    ],
    editor,
    store,
    replay: false,
    dryRun: false,
    time: TIME,
    signal,
    beforeCommit: async () => allow(undefined),
    onStep: begin,
  });
  if (!changed.ok) throw new Error(changed.refusal.sentence);
  begin('read-back');
  const back = await readBackFile(
    new Uint8Array(16),
    { path: '/big', size: size, content: content.data },
    { device: volume, target: { type } as never, signal },
  );
  if (back === undefined) throw new Error('nothing was read back');
  begin('end');
  await volume.close();
  await content.data.close();
  const done: Put = { steps, memoryBefore, peakMemory: process.resourceUsage().maxRSS * 1024 };
  process.send?.(done);
}

const [, , dir, type, mib] = process.argv;
await put(dir ?? '', type ?? '', Number(mib) * MiB);
