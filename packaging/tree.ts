import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Not for everyone: the package's own script gives the first its group. */
const CLOSED = [
  ['/etc/nightshift', 0o750],
  ['/etc/nightshift/secrets', 0o700],
] as const;

/** A file of the package: where it will lie, from the root, and what it is. */
export interface PackedFile {
  readonly path: string;
  readonly is:
    | { readonly copyOf: string }
    | { readonly content: string | Buffer }
    | { readonly linkTo: string };
  /** 0644 where absent. */
  readonly mode?: number;
}

/** The files as a tree, all of one date: the same files give the same tree, whoever makes it, under whichever umask. */
export function writeTree(root: string, files: readonly PackedFile[], date: number): void {
  mkdirSync(root, { recursive: true });
  for (const { path, is, mode = 0o644 } of files) {
    const to = join(root, path);
    mkdirSync(dirname(to), { recursive: true });
    if ('linkTo' in is) {
      symlinkSync(is.linkTo, to);
      continue;
    }
    if ('copyOf' in is) copyFileSync(is.copyOf, to);
    else writeFileSync(to, is.content);
    chmodSync(to, mode);
  }
  for (const [path] of CLOSED) mkdirSync(join(root, path), { recursive: true });
  settle(root, date);
}

/** Directories get their modes, and everything its date: what is inside before what it lies in. */
export function settle(path: string, date: number): void {
  const facts = lstatSync(path);
  if (facts.isSymbolicLink()) {
    lutimesSync(path, date, date);
    return;
  }
  if (facts.isDirectory()) {
    chmodSync(path, CLOSED.find(([end]) => path.endsWith(end))?.[1] ?? 0o755);
    for (const name of readdirSync(path)) settle(join(path, name), date);
  }
  utimesSync(path, date, date);
}
