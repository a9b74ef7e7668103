import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type RollupOptions, rollup } from 'rollup';
import { isBuilt } from './built-programs.ts';

/** The library as "npm run build" makes it, alone, below a directory with the package's own description. */
async function built(directory: string): Promise<void> {
  const url = pathToFileURL(resolve('rollup.config.js')).href;
  const { default: all } = (await import(url)) as { readonly default: readonly RollupOptions[] };
  const options = all.find(({ input }) => Object.hasOwn(input as object, 'library'));
  if (options?.output === undefined || Array.isArray(options.output))
    throw new Error('nothing makes the library');
  const bundle = await rollup(options);
  await bundle.write({ ...options.output, dir: join(directory, 'dist') });
  await bundle.close();
}

/** The package as npm packs it: of the whole repository where it is built, else of the library alone. */
async function packed(directory: string): Promise<string> {
  const from = join(directory, 'package');
  const whole = isBuilt('dist/library.mjs', 'dist/types/programs/library/index.d.ts', 'dist/nightshift.mjs');
  if (!whole) {
    mkdirSync(from);
    for (const name of ['package.json', 'README.md', 'LICENSE', 'docs'])
      cpSync(name, join(from, name), { recursive: true });
    await built(from);
  }
  const to = join(directory, 'tarball');
  mkdirSync(to);
  const args = ['pack', '--silent', '--offline', '--ignore-scripts', '--pack-destination', to];
  execFileSync('npm', args, { cwd: whole ? '.' : from, stdio: ['ignore', 'ignore', 'pipe'] });
  const [tarball] = readdirSync(to);
  if (tarball === undefined) throw new Error('npm has packed nothing');
  return join(to, tarball);
}

/**
 * An empty folder with the packed library installed in it, as npm unpacks it, without a network: what it depends on is linked
 * to what is here.
 */
export async function installedLibrary(directory: string): Promise<string> {
  const tarball = await packed(directory);
  const folder = join(directory, 'service');
  const place = join(folder, 'node_modules', 'nightshift');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(dependencies), '@types']) {
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "name": "service", "type": "module", "private": true }\n');
  return folder;
}
