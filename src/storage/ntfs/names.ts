import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HostPath } from '../../ports/index.ts';
import { baseName, hasControl } from '../host-path.ts';

/** UTF-16 units. */
const LONGEST = 255;
/** What Windows takes for the names of devices, whatever stands behind a dot. */
const DEVICES =
  /^(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)/iu;

function faultOf(name: string): string | undefined {
  if (hasControl(name)) return 'has a control character';
  const reserved = /["*/:<>?|\\]/u.exec(name);
  if (reserved !== null) return `has the character ${reserved[0]}, which Windows has other uses for`;
  if (/[. ]$/u.test(name)) return 'ends with a dot or a blank, which Windows drops';
  if (DEVICES.test(name)) return 'is the name of a device on Windows';
  if (name.length > LONGEST) return `is longer than ${LONGEST} UTF-16 units`;
  return undefined;
}

/** May a file or directory be made under this name? NTFS could keep others, and Windows could not open them. NAME_UNSUPPORTED. */
export function checkNewNtfsName(path: HostPath): Verdict<void> {
  const name = baseName(path);
  const fault = faultOf(name);
  if (fault === undefined) return allow(undefined);
  return refuse(
    'NAME_UNSUPPORTED',
    `The name ${JSON.stringify(name)} ${fault}.`,
    'Choose a name that Windows can have, too.',
  );
}
