import { allow, refuse, utf8, type Verdict } from '../base/index.ts';
import type { HostPath } from '../ports/index.ts';

/** The longest path, in bytes of UTF-8 (PATH_MAX of the hosts). */
export const MAX_PATH_BYTES = 4096;
/** The longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Control characters of ASCII and of Latin-1. */
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);

/** Does the text contain a control character, such as a newline or the start of a terminal sequence? */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (isControl(text.charCodeAt(i))) return true;
  return false;
}

/** What is wrong with one name of a path, or undefined. */
function nameFault(name: string): string | undefined {
  if (name === '') return 'an empty name';
  if (name === '.' || name === '..') return `the segment "${name}"`;
  if (utf8(name).byteLength > MAX_NAME_BYTES) return `a name longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

/**
 * Reads a path as an order gives it. Absolute; every name 1 to 255 bytes of UTF-8; no "." or ".." segment, no NUL,
 * no empty name. One trailing slash is dropped. Refuses with PATH_INVALID.
 */
export function parseHostPath(text: string): Verdict<HostPath> {
  if (LONE_SURROGATE.test(text)) return refuse('PATH_INVALID', 'The path is not UTF-8.');
  if (!text.startsWith('/')) return refuse('PATH_INVALID', 'The path does not begin with "/".');
  if (text.includes('\0')) return refuse('PATH_INVALID', 'The path contains a NUL character.');
  if (utf8(text).byteLength > MAX_PATH_BYTES) {
    return refuse('PATH_INVALID', `The path is longer than ${MAX_PATH_BYTES} bytes.`);
  }
  if (text === '/') return allow('/');
  const path = text.endsWith('/') ? text.slice(0, -1) : text;
  for (const name of path.slice(1).split('/')) {
    const fault = nameFault(name);
    if (fault !== undefined) return refuse('PATH_INVALID', `The path contains ${fault}.`);
  }
  return allow(path);
}

/**
 * May a new file carry this name? Control characters, a newline among them, are refused although filesystems take
 * them: the tools that write would have to quote them, and no operator means them. Refuses with NAME_UNSUPPORTED.
 */
export function checkWritableName(name: string): Verdict<void> {
  if (LONE_SURROGATE.test(name)) return refuse('NAME_UNSUPPORTED', 'The name is not UTF-8.');
  if (hasControl(name)) return refuse('NAME_UNSUPPORTED', 'The name contains a control character.');
  if (name.includes('/')) return refuse('NAME_UNSUPPORTED', 'The name contains "/".');
  const fault = nameFault(name);
  if (fault !== undefined) return refuse('NAME_UNSUPPORTED', `The name is ${fault}.`);
  return allow(undefined);
}

/** The names of a path, from the root down; none for "/". */
export function pathNames(path: HostPath): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** Puts a name under a directory. */
export function joinPath(directory: HostPath, name: string): HostPath {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** The directory that holds a path; "/" for "/". */
export function parentPath(path: HostPath): HostPath {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

/** The last name of a path; empty for "/". */
export function baseName(path: HostPath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
