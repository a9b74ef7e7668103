import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';

function isBelow(path: HostPath, directory: HostPath): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** A protected path covers all below it; and what contains one cannot be removed either. */
export function checkProtected(
  path: HostPath,
  protectedPaths: readonly HostPath[],
  removes: boolean,
): Verdict<void> {
  const hit = protectedPaths.find((guarded) => isBelow(path, guarded) || (removes && isBelow(guarded, path)));
  return hit === undefined
    ? allow(undefined)
    : refuse('PATH_PROTECTED', `${path} is protected on this device (${hit}).`);
}
