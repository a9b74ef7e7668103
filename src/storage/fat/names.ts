import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { baseName, hasControl, pathNames } from '../host-path.ts';

const LONGEST = 255;
/** What Windows takes for the names of devices, whatever stands behind a dot. */
const DEVICES =
  /^(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)/iu;

/** Why a name cannot be on a FAT volume, or not be told to the programs that write there; undefined where it can. */
function faultOf(name: string): string | undefined {
  if (hasControl(name)) return 'has a control character';
  const reserved = /["*/:<>?|\\]/u.exec(name);
  if (reserved !== null) return `has the character ${reserved[0]}, which FAT has other uses for`;
  if (/[. ]$/u.test(name)) return 'ends with a dot or a blank, which FAT drops';
  if (/[\u{10000}-\u{10ffff}]/u.test(name)) return 'has a character beyond the basic plane of Unicode';
  if (name.length > LONGEST) return `is longer than ${LONGEST} UTF-16 units`;
  return undefined;
}

const REMEDY = 'Choose a name that Windows can have, too.';

/** May every name of a path be told to the programs that write to FAT? NAME_UNSUPPORTED. */
export function checkFatPath(path: HostPath): Verdict<void> {
  for (const name of pathNames(path)) {
    const fault = faultOf(name);
    if (fault !== undefined) {
      return refuse('NAME_UNSUPPORTED', `The name ${JSON.stringify(name)} ${fault}.`, REMEDY);
    }
  }
  return allow(undefined);
}

/** May a file or directory be made under this name? NAME_UNSUPPORTED. */
export function checkNewFatName(path: HostPath): Verdict<void> {
  const name = baseName(path);
  if (DEVICES.test(name)) {
    return refuse('NAME_UNSUPPORTED', `${name} is the name of a device on Windows.`, REMEDY);
  }
  if (name.startsWith(' ')) {
    return refuse('NAME_UNSUPPORTED', `The name ${JSON.stringify(name)} begins with a blank.`, REMEDY);
  }
  return checkFatPath(path);
}
