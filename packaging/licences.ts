import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../flash/systems.ts';
import type { NodeBinary } from './node-binary.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const RULE = '='.repeat(78);

/** The licences of everything that is shipped and not ours: Node, and the packages whose code is in the programs. */
export function bundledLicences(node: NodeBinary): string {
  const found = new Map<string, string>();
  const own = manifestOf(ROOT);
  const add = (name: string): void => {
    const directory = join(ROOT, 'node_modules', name);
    if (found.has(name) || !existsSync(directory)) return;
    const manifest = manifestOf(directory);
    found.set(
      name,
      `${name} ${manifest.version}\n${manifest.license ?? 'see its text'}\n\n${textIn(directory)}`,
    );
    for (const next of Object.keys(manifest.dependencies ?? {})) add(next);
  };
  for (const name of Object.keys({ ...own.dependencies, ...own.optionalDependencies })) add(name);
  const packages = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  return [`Node.js ${node.version}\n\n${node.licence}`, ...packages].join(`\n${RULE}\n`);
}

function textIn(directory: string): string {
  const file = readdirSync(directory).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined ? '(no text of its own)\n' : readFileSync(join(directory, file), 'utf8');
}

const manifestOf = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
