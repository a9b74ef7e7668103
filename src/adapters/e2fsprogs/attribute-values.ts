import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeEdit } from '../../ports/index.ts';

/** Puts the values of extended attributes into files for debugfs to read, and tells by value which. */
export async function writeAttributeValues(
  edits: readonly VolumeEdit[],
  room: string,
): Promise<ReadonlyMap<Uint8Array, string>> {
  const files = new Map<Uint8Array, string>();
  for (const edit of edits) {
    if (!('attributes' in edit)) continue;
    for (const { value } of edit.attributes.xattrs ?? []) {
      if (files.has(value)) continue;
      const file = join(room, `value-${files.size}`);
      await writeFile(file, value, { mode: 0o600 });
      files.set(value, file);
    }
  }
  return files;
}
