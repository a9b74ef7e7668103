import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { baseName } from '../host-path.ts';
import { isDeviceName, WINDOWS_NAME_REMEDY, windowsNameFault } from '../windows-names.ts';

/** May a file or directory be made under this name? NTFS could keep others, and Windows could not open them. NAME_UNSUPPORTED. */
export function checkNewNtfsName(path: HostPath): Verdict<void> {
  const name = baseName(path);
  const fault =
    windowsNameFault(name, 'Windows') ??
    (isDeviceName(name) ? 'is the name of a device on Windows' : undefined);
  if (fault === undefined) return allow(undefined);
  return refuse('NAME_UNSUPPORTED', `The name ${JSON.stringify(name)} ${fault}.`, WINDOWS_NAME_REMEDY);
}
