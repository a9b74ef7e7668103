import { NsError } from '../base/index.ts';

/** A path on a volume of a host, as typed: "/etc/fstab", "disk0p2:/etc/fstab", "LABEL=root:/etc". */
export interface Place {
  readonly volume?: string;
  readonly path: string;
}

/** NS_USAGE where the text is no such place. Whether the path is acceptable is for the device to say. */
export function parsePlace(text: string): Place {
  // What a shell hands over in another encoding arrives as this, and would name another file.
  if (text.includes('\ufffd')) {
    throw new NsError('NS_USAGE', `"${text}" is not UTF-8 as it was typed; a pattern with ? can name it`, {
      family: 'caller',
    });
  }
  if (text.startsWith('/')) return { path: text };
  const at = text.indexOf(':/');
  if (at < 1) {
    throw new NsError('NS_USAGE', `"${text}" is no path on a host; write /PATH or VOLUME:/PATH`, {
      family: 'caller',
    });
  }
  return { volume: text.slice(0, at), path: text.slice(at + 1) };
}

/** The last name of a path, for a local file; undefined for "/" and for names that would be trouble. */
export function baseName(path: string): string | undefined {
  const name = path.split('/').findLast((part) => part !== '');
  return name === undefined || name === '.' || name === '..' ? undefined : name;
}
