import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardDescription } from '../src/board/index.ts';
import { debianLicence } from './debian-licences.ts';
import { aboutOf, type NpmPackage } from './npm-packages.ts';
import { type BoardSystem, ROOT } from './systems.ts';
import { uuidOf } from './uuid.ts';

/** Something that is shipped. */
export interface ShippedPackage {
  readonly from: 'debian' | 'npm';
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly licence: string;
  readonly licenceText: string;
}

interface Component {
  readonly type: 'library' | 'operating-system';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly [{ readonly expression: string }];
}

/** Of the first root and the base, beside what DebianFiles has taken. */
const ALWAYS = /^(busybox-static|linux-image-.*)$/;

/** All that is in an image and is not ours, in order: Debian's packages, Node, and npm's. */
export function shippedPackages(
  system: BoardSystem,
  debian: readonly string[],
  npm: readonly NpmPackage[],
): ShippedPackage[] {
  const found = [
    ...fetchedPackages(system, debian),
    ...npm.map((each): ShippedPackage => ({ from: 'npm', ...each })),
    ...bundledPackages('nightshift-agent'),
  ];
  const unique = new Map(found.map((each) => [purlOf(each, system), each]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** As CycloneDX 1.5: the same image has the same list. */
export function billOfMaterials(
  { name }: BoardDescription,
  { version, date }: { readonly version: string; readonly date: number },
  system: BoardSystem,
  shipped: readonly ShippedPackage[],
): object {
  const component = {
    type: 'firmware',
    'bom-ref': `nightshift-${name}@${version}`,
    name: `nightshift-${name}`,
    version,
    licenses: [{ expression: 'Apache-2.0' }],
  };
  const components = shipped.map((each): Component => {
    const purl = purlOf(each, system);
    return {
      type: each.name.startsWith('linux-image') ? 'operating-system' : 'library',
      'bom-ref': purl,
      name: each.name,
      version: each.version,
      purl,
      licenses: [{ expression: each.licence }],
    };
  });
  const content = { metadata: { timestamp: new Date(date * 1000).toISOString(), component }, components };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
    ...content,
    dependencies: [{ ref: component['bom-ref'], dependsOn: components.map((each) => each['bom-ref']) }],
  };
}

function purlOf({ from, name, version }: ShippedPackage, { arch }: BoardSystem): string {
  return from === 'npm'
    ? `pkg:npm/${name.replace('@', '%40')}@${version}`
    : `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}&distro=bookworm`;
}

/** What scripts/board-systems has fetched and is in the image. */
function fetchedPackages({ directory }: BoardSystem, debian: readonly string[]): ShippedPackage[] {
  const text = (path: string): string => readFileSync(join(directory, 'licences', path), 'utf8');
  return readFileSync(join(directory, 'packages'), 'utf8')
    .split('\n')
    .flatMap((line): ShippedPackage[] => {
      const node = /^(node-linux-[a-z0-9]+)@(.+)$/.exec(line);
      if (node !== null) {
        const [, name = '', version = ''] = node;
        return [{ from: 'npm', name, version, licence: 'MIT', licenceText: text('node') }];
      }
      const [name = '', version = ''] = line.split(' ');
      if (!ALWAYS.test(name) && !debian.includes(name)) return [];
      return [
        { from: 'debian', name, version, licence: debianLicence(name), licenceText: text(`debian/${name}`) },
      ];
    });
}

/** Those whose code is in a program: scripts/bundled-packages.mjs has written them down. */
function bundledPackages(program: string): ShippedPackage[] {
  const list = JSON.parse(readFileSync(join(ROOT, 'dist', `${program}.packages.json`), 'utf8')) as {
    readonly path: string;
  }[];
  return list.map(({ path }) => ({ from: 'npm', ...aboutOf(join(ROOT, path)) }));
}
