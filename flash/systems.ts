import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BoardDescription } from '../src/board/index.ts';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What firmware for an architecture is made of: see scripts/board-systems. */
export interface BoardSystem {
  readonly arch: 'armhf' | 'arm64';
  /** The C library's name for it, in paths of libraries. */
  readonly triplet: string;
  readonly directory: string;
}

/** Where the parts for a board's processor are; fetched where they are not yet. */
export function systemFor(board: BoardDescription): BoardSystem {
  const [arch, triplet] = namesOf(board);
  execFileSync(join(ROOT, 'scripts/board-systems'), [arch], { stdio: ['ignore', 'inherit', 'inherit'] });
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return { arch, triplet, directory: join(cache, 'nightshift-test', 'board-systems', arch) };
}

function namesOf({ name, processor }: BoardDescription): readonly ['armhf' | 'arm64', string] {
  if (processor?.node === undefined) throw new Error(`no Node runs on ${name}: there is no firmware for it`);
  switch (processor.arch) {
    case 'armv7':
      return ['armhf', 'arm-linux-gnueabihf'];
    case 'arm64':
      return ['arm64', 'aarch64-linux-gnu'];
    default:
      throw new Error(`there is no system to pack for the processor ${processor.arch} of ${name}`);
  }
}
