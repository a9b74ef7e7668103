import { allow, MiB } from '../../src/base/index.ts';
import type { BlockDevice, StagedFile, VolumeEdit, VolumeEditor } from '../../src/ports/index.ts';
import type { VolumeChange } from '../../src/storage/change-volume.ts';
import { ext4Image } from './ext-volume.ts';
import { MemoryDevice } from './memory-device.ts';
import { MemoryState } from './memory-state.ts';

/** An empty volume of 16 MiB. */
export const plain = await ext4Image({ size: 16 * MiB, mkfs: ['-b', '4096'] });
export const CONTENT = new Uint8Array(3 * MiB).fill(7);
/** The same volume with one file more, as the tools made it. */
export const changed = await ext4Image({
  size: 16 * MiB,
  mkfs: ['-b', '4096'],
  script: ['write @0 /new', 'sif /new mode 0100644', 'sif /new uid 0', 'sif /new gid 0', 'sif /new mtime @5'],
  contents: [CONTENT],
});

/** Turns the plain volume into the changed one, whatever it is asked. */
export const editor: VolumeEditor = {
  capabilities: { types: ['ext4'] },
  async edit(overlay) {
    for (let at = 0; at < plain.byteLength; at += 4096) {
      const block = changed.subarray(at, at + 4096);
      if (!Buffer.from(block).equals(plain.subarray(at, at + 4096))) await overlay.write(at, block);
    }
    return allow(undefined);
  },
  check: async () => allow(undefined),
  replay: async () => allow(undefined),
};

/** A disk that is the plain volume, own storage, the writes to both as they come, and the change to make. */
export async function setting(): Promise<{
  disk: MemoryDevice;
  store: MemoryState;
  writes: string[];
  change: (over?: Partial<VolumeChange>) => VolumeChange;
}> {
  const disk = new MemoryDevice('disk0', plain.slice());
  const store = new MemoryState();
  const writes: string[] = [];
  const watch = (device: BlockDevice, name: string): BlockDevice => ({
    name: device.name,
    capabilities: device.capabilities,
    read: (offset, into, signal) => device.read(offset, into, signal),
    write: (offset, data, signal) => {
      writes.push(name);
      return device.write(offset, data, signal);
    },
    flush: (signal) => {
      writes.push(`${name} flushed`);
      return device.flush(signal);
    },
    trim: async () => {},
    close: () => device.close(),
  });
  const content: StagedFile = { name: 'in', size: CONTENT.byteLength, data: new MemoryDevice('in', CONTENT) };
  const edits: VolumeEdit[] = [
    {
      edit: 'put-file',
      path: '/new',
      content,
      attributes: { mode: 0o644, uid: 0, gid: 0, mtime: 5 },
      replace: false,
    },
  ];
  store.wrap = (device) => watch(device, 'own');
  return {
    disk,
    store,
    writes,
    change: (over = {}) => ({
      disk: 'disk0',
      volumeName: 'disk0p1',
      volume: watch(disk, 'disk'),
      volumeStart: 0,
      type: 'ext4',
      edits,
      editor,
      store,
      replay: false,
      dryRun: false,
      time: 1,
      signal: new AbortController().signal,
      beforeCommit: async () => allow(undefined),
      redoSize: MiB,
      ...over,
    }),
  };
}

export const isPlain = (disk: MemoryDevice): boolean => Buffer.from(disk.bytes).equals(plain);
