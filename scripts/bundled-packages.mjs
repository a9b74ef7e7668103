// Which npm packages went into a program, and where their licences are: dist/NAME.packages.json, from what rollup really put
// into its files.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's directory in a module's id: the last node_modules counts. */
const PACKAGE = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/?]+)\//;

/** A plugin of rollup. */
export function bundledPackages(name) {
  return {
    name: 'bundled-packages',
    writeBundle({ dir }, bundle) {
      const found = new Map();
      for (const { modules = {} } of Object.values(bundle)) {
        for (const [id, { renderedLength }] of Object.entries(modules)) {
          const directory = PACKAGE.exec(id)?.[1];
          if (directory === undefined || renderedLength === 0 || found.has(directory)) continue;
          const { name, version, license } = JSON.parse(readFileSync(manifestIn(directory), 'utf8'));
          found.set(directory, {
            name,
            version,
            licence: license,
            path: directory.slice(directory.indexOf('/node_modules/') + 1),
          });
        }
      }
      const packages = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
      writeFileSync(join(dir, `${name}.packages.json`), `${JSON.stringify(packages, undefined, 1)}\n`);
    },
  };
}

function manifestIn(directory) {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) throw new Error(`${dirname(path)} is no package`);
  return path;
}
