import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardDescription } from '../src/board/index.ts';
import type { NpmPackage } from './npm-packages.ts';
import { type BoardSystem, ROOT } from './systems.ts';

interface Component {
  readonly type: 'library' | 'application' | 'operating-system';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly expression: string }[];
}

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** What the agent's bundle is made of; the rest of package.json is of the operator's side. */
const BUNDLED = ['cbor-x', 'mqtt', 'valibot', 'yaml', 'uqr', 'pino', 'prom-client'];

/** All that is shipped in an image, as CycloneDX 1.5: the same image has the same list. */
export function billOfMaterials(
  board: BoardDescription,
  version: string,
  system: BoardSystem,
  packages: readonly NpmPackage[],
): object {
  const components: Component[] = [
    ...debianComponents(system),
    ...packages.map(({ name, version: of, licence }) => npmComponent(name, of, licence)),
    ...bundledPackages(),
  ];
  const unique = new Map(components.map((component) => [component.purl, component]));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'firmware', name: `nightshift-${board.name}`, version } },
    components: [...unique.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
  };
}

function debianComponents({ directory, arch }: BoardSystem): Component[] {
  return readFileSync(join(directory, 'packages'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', version = ''] = line.split(' ');
      const node = /^(node-linux-[a-z0-9]+)@(.+)$/.exec(line);
      if (node !== null) return npmComponent(node[1] ?? '', node[2] ?? '', 'MIT');
      return {
        type: name.startsWith('linux-image') ? 'operating-system' : 'library',
        name,
        version,
        purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}`,
      } as const;
    });
}

function npmComponent(name: string, version: string, licence: string): Component {
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: [{ expression: licence }],
  };
}

/** Those of the bundle, with all that they depend on, as the lock file has them. */
function bundledPackages(): Component[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const found = new Map<string, Component>();
  const add = (name: string): void => {
    const locked = packages[`node_modules/${name}`];
    if (locked === undefined || found.has(name)) return;
    found.set(name, npmComponent(name, locked.version, locked.license ?? 'unknown'));
    for (const next of Object.keys(locked.dependencies ?? {})) add(next);
  };
  for (const name of BUNDLED) add(name);
  return [...found.values()];
}
