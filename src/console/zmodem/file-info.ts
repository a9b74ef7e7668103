import { concatBytes, fromUtf8Lossy, utf8 } from '../../base/index.ts';

/** What a sender says of a file before its first byte. */
export interface ZmodemFile {
  readonly name: string;
  /** Bytes, where the sender says. */
  readonly size?: number;
  /** Whole seconds since 1970, where the sender says. */
  readonly mtime?: number;
  /** Permission bits, where the sender says. */
  readonly mode?: number;
}

/** The content of the subpacket of ZFILE. */
export function encodeFileInfo({ name, size, mtime, mode }: Required<ZmodemFile>): Uint8Array {
  const facts = `${size} ${Math.max(0, mtime).toString(8)} ${(0o100000 | (mode & 0o7777)).toString(8)} 0 1 ${size}`;
  return concatBytes(utf8(name), Uint8Array.of(0), utf8(facts), Uint8Array.of(0));
}

/**
 * Of the name only what stands after the last slash or backslash: where a file goes is not for the sender to say. Undefined
 * where nothing is left of it.
 */
export function decodeFileInfo(content: Uint8Array): ZmodemFile | undefined {
  const nul = content.indexOf(0);
  if (nul < 0) return undefined;
  const name = fromUtf8Lossy(content.subarray(0, nul)).replace(/^.*[/\\]/su, '');
  if (name === '' || name === '.' || name === '..') return undefined;
  const rest = content.subarray(nul + 1);
  const end = rest.indexOf(0);
  const [size = '', mtime = '', mode = ''] = fromUtf8Lossy(
    rest.subarray(0, end < 0 ? rest.length : end),
  ).split(' ');
  const bytes = numberIn(size, 10);
  const seconds = numberIn(mtime, 8);
  const bits = numberIn(mode, 8);
  return {
    name,
    ...(bytes === undefined ? {} : { size: bytes }),
    // 0 stands for a time that is not known, and a mode of 0 for one.
    ...(seconds === undefined || seconds === 0 ? {} : { mtime: seconds }),
    ...(bits === undefined || bits === 0 ? {} : { mode: bits & 0o7777 }),
  };
}

function numberIn(text: string, radix: 8 | 10): number | undefined {
  if (!(radix === 8 ? /^[0-7]{1,17}$/ : /^\d{1,16}$/).test(text)) return undefined;
  const value = Number.parseInt(text, radix);
  return Number.isSafeInteger(value) ? value : undefined;
}
