import type { ResultOf } from '../protocol/index.ts';
import { counted, sized } from './text.ts';

const FROM = {
  medium: 'from the disk itself',
  device: 'from the disk, perhaps out of a cache of the device',
} as const;

/** What was read back after a put. Nothing of it where nothing was: that is said too. */
export function readBackLines({ dryRun, readBack }: ResultOf<'file.download'>): string[] {
  if (dryRun) return [];
  if (readBack === undefined) return ['not read back from the disk'];
  const { samples, from } = readBack;
  const bytes = samples.reduce((sum, { length }) => sum + length, 0);
  return [`read back ${FROM[from]}: ${counted(samples.length, 'range')}, ${sized(bytes)}, as ordered`];
}

export function absentLine(absent: number): string {
  return `looked for again on the disk: ${counted(absent, 'path')}, none there`;
}
