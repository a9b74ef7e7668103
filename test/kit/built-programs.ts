import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAgent } from './agent-program.ts';
import { buildCli } from './cli.ts';

const NAMES = ['nightshift', 'nightshift-agent'] as const;

/** True where "npm run build" has run since the last change. */
export function isBuilt(...files: readonly string[]): boolean {
  const built = files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const changed = readdirSync('src', { recursive: true, encoding: 'utf8' }).map(
    (name) => statSync(join('src', name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.min(...built) > Math.max(...changed);
}

/**
 * A directory for PATH in which the programs have their names: as "npm run build" has made them, which "npm test" does
 * first; where that is older than the sources, made here.
 */
export async function builtPrograms(directory: string): Promise<string> {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const built = NAMES.map((name) => resolve('dist', `${name}.mjs`));
  const fresh = isBuilt(...built);
  const programs = fresh ? built : await Promise.all([buildCli(directory), buildAgent(directory)]);
  programs.forEach((program, n) => {
    const path = join(bin, NAMES[n]!);
    if (fresh) symlinkSync(program, path);
    else writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
  });
  return bin;
}
