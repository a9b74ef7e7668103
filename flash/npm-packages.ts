import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './systems.ts';

/** What a package says of itself. */
export interface NpmAbout {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Empty where it brings none. */
  readonly licenceText: string;
}

/** A package that goes into the firmware, and which of its files. */
export interface NpmPackage extends NpmAbout {
  readonly files: readonly { readonly from: string; readonly to: string }[];
}

/** For which machines, and where what npm does not install here is kept: beside `directory`. */
export interface PackagesFor {
  readonly arch: 'amd64' | 'arm64' | 'armhf';
  readonly directory: string;
}

const KOFFI = { amd64: 'x64', arm64: 'arm64', armhf: 'arm' } as const;

/** Of package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Left out: what is only of use to whoever builds or reads them. */
const UNUSED =
  /(^|\/)(docs?|test|tests|vendor|native|musl_[a-z0-9]+|\.github)\/|\.(md|[cm]?ts|map|gypi?|c|cc|cpp|h|hh|hpp|inc|S|asm|txt|yml)$|(^|\/)\.[^/]*$/;
const PREBUILDS = /^prebuilds\//;

/**
 * Packages with all that they depend on, as they are installed here, with the native parts of the board's processor in place
 * of this machine's. Without NEON a part must be built for ARMv6: the others end with an illegal instruction.
 */
export function neededPackages(names: readonly string[], system: PackagesFor, neon: boolean): NpmPackage[] {
  const found = new Map<string, NpmPackage>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    const directory = join(ROOT, 'node_modules', name);
    const manifest = manifestOf(directory);
    found.set(name, { ...aboutOf(directory), files: filesOf(directory, system, neon) });
    for (const next of Object.keys(manifest.dependencies ?? {})) add(next);
  };
  for (const name of names) add(name);
  const koffi = manifestOf(join(ROOT, 'node_modules/koffi'));
  const native = `@koromix/koffi-linux-${KOFFI[system.arch]}`;
  const directory = fetched(native, koffi.version, system);
  found.set(native, {
    ...aboutOf(directory),
    files: filesOf(directory, system, neon),
  });
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function filesOf(directory: string, system: PackagesFor, neon: boolean): NpmPackage['files'] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => (PREBUILDS.test(path) ? isOurs(path, system, neon) : !UNUSED.test(path)))
    .sort()
    .map((path) => ({ from: join(directory, path), to: path }));
}

/** Of the prebuilt parts of a package, the one for this processor and the GNU C library. */
function isOurs(path: string, { arch }: PackagesFor, neon: boolean): boolean {
  if (arch === 'amd64') return /^prebuilds\/linux-x64\/[^/]*glibc[^/]*\.node$/.test(path);
  if (arch === 'arm64')
    return /^prebuilds\/linux-arm64\/[^/]*(armv8|glibc)[^/]*\.node$/.test(path) && !path.includes('musl');
  return (
    new RegExp(`^prebuilds/linux-arm/[^/]*armv${neon ? 7 : 6}[^/]*.node$`).test(path) &&
    !path.includes('musl')
  );
}

/**
 * A package of this version that npm does not install here, because it is for another processor. It is what the lock file, or
 * flash/node-digests.json, says it is, whatever the registry gives.
 */
export function fetched(name: string, version: string, system: PackagesFor): string {
  const digest = digestOf(name, version);
  const short = createHash('sha256').update(digest).digest('hex').slice(0, 12);
  const home = join(dirname(system.directory), 'npm', `${name.replace('/', '-')}-${version}-${short}`);
  if (existsSync(home)) return home;
  const installed = join(ROOT, 'node_modules', name);
  if (existsSync(installed) && manifestOf(installed).version === version) return installed;
  mkdirSync(dirname(home), { recursive: true });
  const work = mkdtempSync(join(dirname(home), '.fetch-'));
  try {
    execFileSync('npm', ['pack', '--silent', `${name}@${version}`], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [archive = ''] = readdirSync(work);
    const bytes = readFileSync(join(work, archive));
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (found !== digest) throw new Error(`${name} ${version} came as ${found}, and should be ${digest}`);
    execFileSync('tar', ['-x', '-f', archive], { cwd: work });
    // Another packer may have been faster: what it has put there is the same.
    if (!existsSync(home)) renameSync(join(work, 'package'), home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return home;
}

/** By which a package is known, as the lock file writes it. */
export function digestOf(name: string, version: string): string {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
  const pinned = read('flash/node-digests.json') as Record<string, string | undefined>;
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { version?: string; integrity?: string } | undefined>;
  };
  const locked = packages[`node_modules/${name}`];
  const digest = pinned[`${name}@${version}`] ?? (locked?.version === version ? locked.integrity : undefined);
  if (digest === undefined)
    throw new Error(
      `no digest of ${name} ${version} is known: it goes into flash/node-digests.json when its version is chosen`,
    );
  return digest;
}

/** Of the package in this directory. */
export function aboutOf(directory: string): NpmAbout {
  const { name, version, license } = manifestOf(directory);
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  return {
    name,
    version,
    licence: license ?? 'NOASSERTION',
    licenceText: file === undefined ? '' : readFileSync(join(directory, file), 'utf8'),
  };
}

export const manifestOf = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
