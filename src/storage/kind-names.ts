import { allow, type Verdict } from '../base/index.ts';
import type { HostPath } from '../ports/index.ts';

/** May files and directories be made under these paths on a filesystem of this type? NAME_UNSUPPORTED. */
export async function checkNewNames(type: string, paths: readonly HostPath[]): Promise<Verdict<void>> {
  const check = await checkOf(type);
  if (check === undefined) return allow(undefined);
  for (const path of paths) {
    const fit = check(path);
    if (!fit.ok) return fit;
  }
  return allow(undefined);
}

async function checkOf(type: string): Promise<((path: HostPath) => Verdict<void>) | undefined> {
  if (type === 'vfat') return (await import('./fat/names.ts')).checkNewFatName;
  if (type === 'ntfs') return (await import('./ntfs/names.ts')).checkNewNtfsName;
  return undefined;
}
