import type { EditorPrograms } from '../volume-tools/volume-editors.ts';

export const E2FSPROGS: EditorPrograms = {
  types: ['ext4', 'ext3', 'ext2'],
  programs: [
    ['debugfs', ['-V']],
    ['e2fsck', ['-V']],
  ],
};
