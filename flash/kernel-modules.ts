import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A module of the kernel, and its file. */
export interface KernelModule {
  readonly name: string;
  readonly path: string;
}

/**
 * The modules that are named, with all that they need, each behind what it needs. Those that are built into the kernel are
 * left out; one that is neither there nor built in is an error.
 */
export function kernelModules(directory: string, wanted: readonly string[]): KernelModule[] {
  const files = new Map(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [moduleName(path), join(directory, path)]),
  );
  const builtIn = new Set(
    readFileSync(join(directory, 'modules.builtin'), 'utf8').split('\n').map(moduleName),
  );
  const found = new Map<string, KernelModule>();
  const add = (name: string, by: string): void => {
    if (found.has(name) || builtIn.has(name)) return;
    const path = files.get(name);
    if (path === undefined) throw new Error(`the kernel has no module ${name}, which ${by} asks for`);
    for (const needed of dependencies(path)) add(needed, name);
    found.set(name, { name, path });
  };
  for (const name of wanted) add(name, 'the board');
  return [...found.values()];
}

/** The kernel does not tell "-" from "_" in a module's name. */
const moduleName = (path: string): string => basename(path.trim(), '.ko').replaceAll('-', '_');

/** As the module itself says in its section .modinfo. */
function dependencies(path: string): string[] {
  const text = readFileSync(path).toString('latin1');
  const needed = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return needed === '' ? [] : needed.split(',').map(moduleName);
}
