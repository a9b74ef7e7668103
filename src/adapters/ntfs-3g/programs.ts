import type { EditorPrograms } from '../volume-tools/volume-editors.ts';

export const NTFS_3G: EditorPrograms = {
  types: ['ntfs'],
  mounts: true,
  programs: [
    ['ntfs-3g', ['--help'], [9]],
    ['ntfsfallocate', ['-V']],
    ['ntfsfix', ['--version']],
    ['ntfsresize', ['--version']],
    ['setfattr', ['--version']],
    ['mountpoint', ['--version']],
  ],
};
