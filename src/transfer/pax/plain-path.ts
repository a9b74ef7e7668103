const SLASH = 0x2f;
/** The longest path of a host, and a name in what it leads to. */
const MOST_PATH_BYTES = 4096 + 1024;
const MOST_NAMES = 128;
/** The longest name of any filesystem here, in UTF-8. */
const MOST_NAME_BYTES = 765;

/** The longest of Linux, without the NUL behind it. */
const MOST_TARGET_BYTES = 4095;

/** Can a symbolic link lead there? */
export function isLinkTarget(target: Uint8Array): boolean {
  return target.byteLength > 0 && target.byteLength <= MOST_TARGET_BYTES && !target.includes(0);
}

/**
 * The path of an entry without "." and with one "/" between its names; empty for the top. A fault in words for one that
 * could lead out of the tree.
 */
export function plainPath(told: Uint8Array): Uint8Array | string {
  if (told.byteLength > MOST_PATH_BYTES) return 'a path is too long';
  if (told.includes(0)) return 'a path has a NUL in it';
  if (told[0] === SLASH) return 'a path begins at the root';
  const names = Buffer.from(told)
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) return 'a path leads upwards';
  if (names.length > MOST_NAMES) return `a path has more than ${MOST_NAMES} names`;
  if (names.some((name) => name.length > MOST_NAME_BYTES)) return 'a name is too long';
  if (told.byteLength === 0) return 'an entry has no name';
  return new Uint8Array(Buffer.from(names.join('/'), 'latin1'));
}
