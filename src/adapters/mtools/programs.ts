import type { EditorPrograms } from '../volume-tools/volume-editors.ts';

export const MTOOLS: EditorPrograms = {
  types: ['vfat'],
  programs: [
    ['mtools', ['--version']],
    ['fsck.fat', ['--help']],
  ],
};
