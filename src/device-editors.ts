import { E2FSPROGS } from './adapters/e2fsprogs/programs.ts';
import { MTOOLS } from './adapters/mtools/programs.ts';
import { openVolumeEditors, type VolumeToolOptions } from './adapters/volume-tools/volume-editors.ts';
import type { VolumeEditor } from './ports/index.ts';

/** Who writes to the filesystems of the host, as far as the programs for it are here. */
export function openDeviceEditors(options: VolumeToolOptions): Promise<VolumeEditor> {
  return openVolumeEditors(
    [
      {
        ...E2FSPROGS,
        load: async (given) => (await import('./adapters/e2fsprogs/e2fsprogs.ts')).e2fsprogsEditor(given),
      },
      {
        ...MTOOLS,
        load: async (given) => (await import('./adapters/mtools/mtools.ts')).mtoolsEditor(given),
      },
    ],
    options,
  );
}
