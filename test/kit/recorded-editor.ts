import { allow } from '../../src/base/index.ts';
import type { VolumeEditor } from '../../src/ports/index.ts';
import { Overlay } from '../../src/storage/index.ts';
import { MemoryDevice } from './memory-device.ts';

/**
 * An editor that makes again, byte for byte, what a real one made on the same volume: for tests that need the same
 * change thousands of times. `make` is run once, with the real editor, and must check its own result.
 */
export async function recordEditor(
  volume: Uint8Array,
  type: string,
  make: (overlay: Overlay) => Promise<void>,
): Promise<VolumeEditor> {
  const overlay = new Overlay(new MemoryDevice('recorded', volume, { writable: false }), { blockSize: 512 });
  await make(overlay);
  const placed = overlay.placedRuns;
  const blocks = await Promise.all(
    overlay.changedBlocks().map(async (block) => {
      const content = new Uint8Array(overlay.lengthOf(block));
      await overlay.read(block * overlay.blockSize, content);
      return { offset: block * overlay.blockSize, content };
    }),
  );
  return {
    capabilities: { types: [type] },
    async edit(target) {
      for (const { offset, content } of blocks) await target.write(offset, content);
      for (const { start, end, content, from } of placed) {
        await target.place?.(start * overlay.blockSize, (end - start) * overlay.blockSize, content, from);
      }
      return allow(undefined);
    },
    check: async () => allow(undefined),
    replay: async () => allow(undefined),
  };
}
