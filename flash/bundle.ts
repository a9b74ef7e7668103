import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './systems.ts';

/** Programs of dist/ and everything that they may load from there, by name: nothing that an earlier build has left behind. */
export function bundleOf(programs: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    const text = readFileSync(join(ROOT, 'dist', name), 'utf8');
    found.set(name, text);
    for (const [, next = ''] of text.matchAll(/["']\.\/(nightshift[a-z0-9._-]*\.mjs)["']/g)) add(next);
  };
  for (const program of programs) add(`${program}.mjs`);
  return found;
}
