/** A program that is to be killed in the middle of an edit: prints "going" once the tools are at work. */
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { bytes } from '../../src/base/index.ts';
import { Overlay } from '../../src/storage/index.ts';
import { ext4Image } from './ext-volume.ts';
import { MemoryDevice } from './memory-device.ts';

const directory = process.argv[2] ?? '';
const source = process.argv[3] ?? '';
const image = await ext4Image({ size: 4 * 1024 * 1024 });
const overlay = new Overlay(new MemoryDevice('disk0', image));
const editor = await openE2fsprogs({ stagedPath: () => source, directory });
const slow = {
  name: 'slow',
  capabilities: { ...overlay.capabilities, size: bytes(overlay.capabilities.size) },
  read: (offset: number, into: Uint8Array) => overlay.read(offset, into),
  write: async (): Promise<void> => {
    process.stdout.write('going\n');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  flush: async () => {},
  trim: async () => {},
  close: async () => {},
};
await editor.edit(
  slow,
  'ext4',
  [
    {
      edit: 'put-file',
      path: '/x',
      content: { name: 'x', size: 1, data: overlay },
      attributes: { mode: 0o644, uid: 0, gid: 0, mtime: 1 },
      replace: false,
    },
  ],
  1,
  new AbortController().signal,
);
