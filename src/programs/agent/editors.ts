import { E2FSPROGS } from '../../adapters/e2fsprogs/programs.ts';
import { MTOOLS } from '../../adapters/mtools/programs.ts';
import { NTFS_3G } from '../../adapters/ntfs-3g/programs.ts';
import { missingText } from '../../adapters/volume-tools/confinement.ts';
import { openVolumeEditors, type VolumeToolOptions } from '../../adapters/volume-tools/volume-editors.ts';
import type { LogSink, VolumeEditor } from '../../ports/index.ts';
import type { AgentConfig } from './config.ts';

/** The editors that this configuration allows; says once how far their programs are confined. */
export async function openDiskTools(
  open: typeof openDeviceEditors,
  { toolConfinement = 'best' }: Pick<AgentConfig, 'toolConfinement'>,
  stagedPath: (name: string) => string,
  log: LogSink,
): Promise<VolumeEditor> {
  const editor = await open({ stagedPath, confinedOnly: toolConfinement === 'required' });
  const { confinement, unusable } = editor.capabilities;
  if (unusable !== undefined) log.log('warn', 'tools.unusable', { why: unusable });
  if (confinement !== undefined) {
    const missing = missingText(confinement);
    log.log(missing === '' ? 'info' : 'warn', 'tools.confinement', {
      wanted: toolConfinement,
      missing: missing === '' ? 'nothing' : missing,
    });
  }
  return editor;
}

/** Who writes to the filesystems of the host, as far as the programs for it are here. */
export function openDeviceEditors(options: VolumeToolOptions): Promise<VolumeEditor> {
  return openVolumeEditors(
    [
      {
        ...E2FSPROGS,
        load: async (given) => (await import('../../adapters/e2fsprogs/e2fsprogs.ts')).e2fsprogsEditor(given),
      },
      {
        ...MTOOLS,
        load: async (given) => (await import('../../adapters/mtools/mtools.ts')).mtoolsEditor(given),
      },
      {
        ...NTFS_3G,
        load: async (given) => (await import('../../adapters/ntfs-3g/ntfs-3g.ts')).ntfs3gEditor(given),
      },
    ],
    options,
  );
}
