import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleOf } from '../flash/bundle.ts';
import { neededPackages } from '../flash/npm-packages.ts';
import { ROOT } from '../flash/systems.ts';
import { bundledLicences } from './licences.ts';
import { type Arch, cacheFor, type NodeBinary } from './node-binary.ts';
import type { PackedFile } from './tree.ts';

/** Where the programs lie; not in /usr, which is the distribution's. */
export const HOME = 'opt/nightshift';
/** What an administrator edits: kept over upgrades. */
export const CONFFILES = ['etc/nightshift/agent.yaml', 'etc/default/nightshift-agent'] as const;

export const MAINTAINER = 'The Nightshift authors <nightshift@localhost>';

const PROGRAMS = ['nightshift-agent', 'nightshift', 'nightshift-chain'] as const;
/** Nothing is loaded from a home: what the agent can write there would be code at its next start. */
const OWN_MODULES = '--no-global-search-paths';
const DOC = 'usr/share/doc/nightshift';
const content = (name: string): string => join(ROOT, 'packaging/content', name);

export interface Packing {
  readonly arch: Arch;
  readonly node: NodeBinary;
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
}

/** All files of the package, sorted. */
export function packedFiles({ arch, node, version, date }: Packing): readonly PackedFile[] {
  const files = [
    { path: `${HOME}/bin/node`, is: { copyOf: node.path }, mode: 0o755 },
    ...PROGRAMS.flatMap(programFiles),
    ...bundleFiles(),
    { path: `${HOME}/LICENSE`, is: { copyOf: join(ROOT, 'LICENSE') } },
    ...below('dist/web', `${HOME}/dist/web`),
    ...below('boards', `${HOME}/boards`).filter(({ path }) => path.endsWith('/board.json')),
    ...nativeFiles(arch),
    ...systemFiles(),
    ...documents(node, version, date),
  ];
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The first line of a bundle says how Node is to be started; here it is our own Node. */
function programFiles(name: (typeof PROGRAMS)[number]): PackedFile[] {
  const [line = ''] = readFileSync(join(ROOT, 'dist', `${name}.mjs`), 'utf8').split('\n', 1);
  const asked = /^#!\/usr\/bin\/env (?:-S )?((?:[A-Z_]+=\S+ )*)node\b(.*)$/.exec(line);
  if (asked === null) throw new Error(`dist/${name}.mjs does not say how it is started; run npm run build`);
  const [, variables = '', flags = ''] = asked;
  const start = `${variables}exec /${HOME}/bin/node${flags} ${OWN_MODULES} /${HOME}/dist/${name}.mjs "$@"`;
  return [
    { path: `${HOME}/bin/${name}`, is: { content: `#!/bin/sh\n${start}\n` }, mode: 0o755 },
    { path: `usr/bin/${name}`, is: { linkTo: `/${HOME}/bin/${name}` } },
  ];
}

/** The programs' bundles, and what they load. Nobody starts them by name. */
function bundleFiles(): PackedFile[] {
  return [...bundleOf(PROGRAMS)].map(([name, text]) => ({
    path: `${HOME}/dist/${name}`,
    is: { content: text.replace(/^#!.*\n/, '') },
  }));
}

/** serialport and koffi, with their parts for this processor, without the programs that build them. */
function nativeFiles(arch: Arch): PackedFile[] {
  return neededPackages(['serialport', 'koffi'], cacheFor(arch), true).flatMap(({ name, files }) =>
    files
      .filter(({ from }) => readFileSync(from).subarray(0, 2).toString('latin1') !== '#!')
      .map(({ from, to }) => ({ path: `${HOME}/node_modules/${name}/${to}`, is: { copyOf: from } })),
  );
}

function systemFiles(): PackedFile[] {
  const from = (name: string, path: string): PackedFile => ({ path, is: { copyOf: content(name) } });
  return [
    from('nightshift-agent.service', 'usr/lib/systemd/system/nightshift-agent.service'),
    from('sysusers.conf', 'usr/lib/sysusers.d/nightshift.conf'),
    from('tmpfiles.conf', 'usr/lib/tmpfiles.d/nightshift.conf'),
    from('udev.rules', 'usr/lib/udev/rules.d/60-nightshift.rules'),
    { ...from('agent.yaml', 'etc/nightshift/agent.yaml'), mode: 0o640 },
    from('default', 'etc/default/nightshift-agent'),
    from('host-disks.conf', 'usr/share/nightshift/host-disks.conf'),
    from('broker.conf', 'usr/share/nightshift/broker.conf'),
    from('lintian-overrides', 'usr/share/lintian/overrides/nightshift'),
  ];
}

function documents(node: NodeBinary, version: string, date: number): PackedFile[] {
  const gzipped = (text: string | Buffer): { content: Buffer } => ({ content: gzipSync(text, { level: 9 }) });
  const read = (path: string): Buffer => readFileSync(join(ROOT, path));
  const said = (...args: string[]): string =>
    execFileSync(process.execPath, [join(ROOT, 'dist/nightshift.mjs'), ...args], { encoding: 'utf8' });
  const completion = (shell: string): { content: string } => ({ content: said('completion', shell) });
  return [
    { path: 'usr/share/man/man1/nightshift.1.gz', is: gzipped(said('man')) },
    {
      path: 'usr/share/man/man8/nightshift-agent.8.gz',
      is: gzipped(read('packaging/content/nightshift-agent.8')),
    },
    {
      path: 'usr/share/man/man8/nightshift-chain.8.gz',
      is: gzipped(read('packaging/content/nightshift-chain.8')),
    },
    { path: 'usr/share/bash-completion/completions/nightshift', is: completion('bash') },
    { path: 'usr/share/zsh/vendor-completions/_nightshift', is: completion('zsh') },
    { path: 'usr/share/fish/vendor_completions.d/nightshift.fish', is: completion('fish') },
    { path: `${DOC}/changelog.gz`, is: gzipped(debianChangelog(version, date)) },
    { path: `${DOC}/CHANGELOG.md.gz`, is: gzipped(read('CHANGELOG.md')) },
    { path: `${DOC}/copyright`, is: { copyOf: content('copyright') } },
    { path: `${DOC}/sidecar.md`, is: { content: read('docs/sidecar.md') } },
    { path: `${DOC}/licences.txt.gz`, is: gzipped(bundledLicences(node)) },
  ];
}

/** In the form that Debian's tools read; what changed is told beside it. */
function debianChangelog(version: string, date: number): string {
  const day = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  return `nightshift (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- ${MAINTAINER}  ${day}\n`;
}

function below(directory: string, to: string): PackedFile[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: `${to}${path.slice(join(ROOT, directory).length)}`, is: { copyOf: path } }));
}
