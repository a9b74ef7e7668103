import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { aboutOf, manifestOf } from '../flash/npm-packages.ts';
import { ROOT } from '../flash/systems.ts';
import type { NodeBinary } from './node-binary.ts';

const RULE = '='.repeat(78);

/** The licences of everything that is shipped and not ours: Node, and the packages whose code is in the programs. */
export function bundledLicences(node: NodeBinary): string {
  const found = new Map<string, string>();
  const own = manifestOf(ROOT);
  const add = (name: string): void => {
    const directory = join(ROOT, 'node_modules', name);
    if (found.has(name) || !existsSync(directory)) return;
    const { version, licence, licenceText } = aboutOf(directory);
    found.set(name, `${name} ${version}\n${licence}\n\n${licenceText || '(no text of its own)\n'}`);
    for (const next of Object.keys(manifestOf(directory).dependencies ?? {})) add(next);
  };
  for (const name of Object.keys({ ...own.dependencies, ...own.optionalDependencies })) add(name);
  const packages = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  return [`Node.js ${node.version}\n\n${node.licence}`, ...packages].join(`\n${RULE}\n`);
}
