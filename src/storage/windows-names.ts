import { hasControl } from './host-path.ts';

/** UTF-16 units. */
const LONGEST = 255;
/** What Windows takes for the names of devices, whatever stands behind a dot. */
const DEVICES =
  /^(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)/iu;

export const WINDOWS_NAME_REMEDY = 'Choose a name that Windows can have, too.';

/** Is this what Windows calls a device by? */
export function isDeviceName(name: string): boolean {
  return DEVICES.test(name);
}

/** Why Windows cannot have a file of this name, that of a device apart; undefined where it can. `who` has other uses for it. */
export function windowsNameFault(name: string, who: 'FAT' | 'Windows'): string | undefined {
  if (hasControl(name)) return 'has a control character';
  const reserved = /["*/:<>?|\\]/u.exec(name);
  if (reserved !== null) return `has the character ${reserved[0]}, which ${who} has other uses for`;
  if (/[. ]$/u.test(name)) return `ends with a dot or a blank, which ${who} drops`;
  if (name.length > LONGEST) return `is longer than ${LONGEST} UTF-16 units`;
  return undefined;
}
