import { allow, type Verdict } from '../base/index.ts';
import type { HostPath } from '../ports/index.ts';

/** May files and directories be made under these paths on a filesystem of this type? NAME_UNSUPPORTED. */
export async function checkNewNames(type: string, paths: readonly HostPath[]): Promise<Verdict<void>> {
  if (type !== 'vfat') return allow(undefined);
  const { checkNewFatName } = await import('./fat/names.ts');
  for (const path of paths) {
    const fit = checkNewFatName(path);
    if (!fit.ok) return fit;
  }
  return allow(undefined);
}
