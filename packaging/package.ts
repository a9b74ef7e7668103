import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { sourceDate } from '../flash/source-date.ts';
import { ROOT } from '../flash/systems.ts';
import { packedFiles } from './contents.ts';
import { type DebCompression, writeDeb } from './deb.ts';
import { type Arch, isArch, nodeFor } from './node-binary.ts';
import { writeTarball } from './tarball.ts';
import { writeTree } from './tree.ts';

const OPTIONS = {
  deb: { type: 'boolean', default: false },
  tarball: { type: 'boolean', default: false },
  arch: { type: 'string' },
  out: { type: 'string' },
  compression: { type: 'string', default: 'xz' },
  node: { type: 'string' },
  help: { type: 'boolean' },
} as const;

const HELP = `npm run package -- --deb|--tarball [options]

Packs agent, command and chain program with the Node that they run on, for a PC or a small computer beside the host.

  --deb                a package for Debian and what descends from it
  --tarball            an archive with install.sh, for other Linux systems with the GNU C library
  --arch ARCH          amd64, arm64 or armhf; by default this machine's
  --out DIR            where to put it; by default dist/packages
  --compression KIND   of the .deb: xz (default), zstd, gzip or none
  --node FILE          a Node to put in, as it is; by default the newest of the npm registry that we know, stripped
`;

const ARCHES: Readonly<Record<string, Arch>> = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' };
const COMPRESSIONS: readonly DebCompression[] = ['xz', 'zstd', 'gzip', 'none'];

function main(): void {
  const { values } = parseArgs({ options: OPTIONS, allowPositionals: false });
  if (values.help === true || !(values.deb || values.tarball)) {
    process.stdout.write(HELP);
    process.exitCode = values.help === true ? 0 : 2;
    return;
  }
  const arch = values.arch ?? ARCHES[process.arch] ?? process.arch;
  if (!isArch(arch)) throw new Error(`there is no package for ${arch}: amd64, arm64 or armhf`);
  const compression = COMPRESSIONS.find((each) => each === values.compression);
  if (compression === undefined) throw new Error(`no compression is called ${values.compression}`);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const out = resolve(values.out ?? join(ROOT, 'dist/packages'));
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'nightshift-package-'));
  const date = sourceDate();
  try {
    const node = nodeFor(arch, values.node, work);
    const tree = join(work, 'tree');
    const files = packedFiles({ arch, node, version, date });
    writeTree(tree, files, date);
    if (values.deb) say(writeDeb({ tree, files, out, arch, version, date, compression }));
    if (values.tarball) say(writeTarball({ tree, files, out, arch, version, date, work }));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function say(path: string): void {
  process.stdout.write(`${path}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
