import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { baseName, pathNames } from '../host-path.ts';
import { isDeviceName, WINDOWS_NAME_REMEDY, windowsNameFault } from '../windows-names.ts';

/** Why a name cannot be on a FAT volume, or not be told to the programs that write there; undefined where it can. */
function faultOf(name: string): string | undefined {
  const fault = windowsNameFault(name, 'FAT');
  if (fault !== undefined) return fault;
  return /[\u{10000}-\u{10ffff}]/u.test(name)
    ? 'has a character beyond the basic plane of Unicode'
    : undefined;
}

/** May every name of a path be told to the programs that write to FAT? NAME_UNSUPPORTED. */
export function checkFatPath(path: HostPath): Verdict<void> {
  for (const name of pathNames(path)) {
    const fault = faultOf(name);
    if (fault !== undefined) {
      return refuse('NAME_UNSUPPORTED', `The name ${JSON.stringify(name)} ${fault}.`, WINDOWS_NAME_REMEDY);
    }
  }
  return allow(undefined);
}

/** May a file or directory be made under this name? NAME_UNSUPPORTED. */
export function checkNewFatName(path: HostPath): Verdict<void> {
  const name = baseName(path);
  if (isDeviceName(name)) {
    return refuse('NAME_UNSUPPORTED', `${name} is the name of a device on Windows.`, WINDOWS_NAME_REMEDY);
  }
  if (name.startsWith(' ')) {
    return refuse(
      'NAME_UNSUPPORTED',
      `The name ${JSON.stringify(name)} begins with a blank.`,
      WINDOWS_NAME_REMEDY,
    );
  }
  return checkFatPath(path);
}
