import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { BoardSystem } from './systems.ts';

const BINARIES = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];
/** The data of ICU, which libxml2 can convert texts with; what is left of them has none. */
const ICU_DATA = /^libicudata\.so\.(\d+)$/;

/** Takes programs and libraries of Debian's packages into a tree, with every library that they are linked with. */
export class DebianFiles {
  readonly #system: BoardSystem;
  readonly #tree: string;
  readonly #taken = new Map<string, string>();

  constructor(system: BoardSystem, tree: string) {
    this.#system = system;
    this.#tree = tree;
    mkdirSync(join(tree, 'lib', system.triplet), { recursive: true });
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  }

  program(name: string): void {
    this.#take(name, BINARIES, join('usr/bin', name));
  }

  library(name: string): void {
    const { triplet } = this.#system;
    const to = /^ld-linux/.test(name) ? join('lib', name) : join('lib', triplet, name);
    this.#take(name, ['lib', `lib/${triplet}`, `usr/lib/${triplet}`], to);
  }

  /** A file, or a directory with all in it, under its own name. */
  data(path: string): void {
    const from = join(this.#system.directory, 'libraries', path);
    if (statSync(from).isDirectory()) {
      for (const name of readdirSync(from).sort()) this.data(join(path, name));
      return;
    }
    mkdirSync(join(this.#tree, dirname(path)), { recursive: true });
    copyFileSync(from, join(this.#tree, path));
    this.#taken.set(path, path);
  }

  /** The libraries that a file from elsewhere is linked with. */
  linkedWith(path: string): void {
    for (const name of neededBy(path)) this.library(name);
  }

  /** Debian's packages of which something was taken, in order. */
  packages(): string[] {
    const owners = new Map<string, string>();
    for (const line of readFileSync(join(this.#system.directory, 'files'), 'utf8').split('\n')) {
      const [owner = '', path = ''] = line.split(' ');
      owners.set(path, owner);
    }
    const names = [...this.#taken.values()].map((path) => {
      const owner = owners.get(path);
      if (owner === undefined) throw new Error(`no package of ${this.#system.arch} has ${path}`);
      return owner;
    });
    return [...new Set(names)].sort();
  }

  #take(name: string, places: readonly string[], to: string): void {
    if (this.#taken.has(to)) return;
    const { arch, directory, triplet } = this.#system;
    const from = places
      .map((place) => join(place, name))
      .find((path) => existsSync(join(directory, 'libraries', path)));
    if (from === undefined) throw new Error(`there is no ${name} for ${arch}`);
    this.#taken.set(to, from);
    const icu = ICU_DATA.exec(name)?.[1];
    if (icu !== undefined) writeEmptyIcuData(join(this.#tree, to), icu, triplet);
    else copyFileSync(join(directory, 'libraries', from), join(this.#tree, to));
    // No right comes with a program: the agent's is root's.
    chmodSync(join(this.#tree, to), 0o755);
    if (icu === undefined) this.linkedWith(join(this.#tree, to));
  }
}

function neededBy(path: string): string[] {
  const told = execFileSync('readelf', ['--dynamic', '--wide', path], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  return [...told.matchAll(/\(NEEDED\).*\[([^\]]+)\]/g)].map(([, name = '']) => basename(name));
}

/**
 * ICU's 31 MB of tables do not fit beside the rest. nbdfuse is linked with them by way of libxml2, by which libnbd reads
 * an address, and neither converts a text: like ICU's own "stub data", this is a table of contents of nothing.
 */
function writeEmptyIcuData(to: string, version: string, triplet: string): void {
  const symbol = `icudt${version}_dat`;
  const source = [
    // Tag_ABI_VFP_args: floating point numbers in registers, without which the loader takes it for another system's.
    ...(triplet.startsWith('arm-') ? ['.eabi_attribute 28, 1'] : []),
    '.section .rodata',
    '.balign 16',
    `.globl ${symbol}`,
    `.type ${symbol}, %object`,
    `${symbol}:`,
    '.2byte 32',
    '.byte 0xda, 0x27',
    '.2byte 20, 0',
    '.byte 0, 0, 2, 0',
    '.ascii "ToCP"',
    '.byte 1, 0, 0, 0, 0, 0, 0, 0',
    '.8byte 0',
    '.4byte 0, 0',
    `.size ${symbol}, . - ${symbol}`,
    '.section .note.GNU-stack, "", %progbits',
    '',
  ].join('\n');
  const object = `${to}.o`;
  execFileSync(`${triplet}-as`, ['-o', object, '-'], { input: source });
  const options = [
    '-shared',
    '-z',
    'max-page-size=4096',
    '-soname',
    basename(to),
    '--build-id=none',
    '--strip-all',
  ];
  execFileSync(`${triplet}-ld`, [...options, '-o', to, object]);
  rmSync(object);
}
