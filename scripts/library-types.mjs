// The library's declarations, as tsc makes them of its sources: those alone that its own declarations lead to. A room's door
// (index.d.ts) is cut down to the names that are asked of it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const ENTRY = 'programs/library/index.ts';
const FROM = /^(import|export) (type )?(?:\{([^}]*)\}|(\* as \w+)|(\w+)) from '(\.[^']+)';$/gm;
const INLINE = /\bimport\(["'](\.[^"']+)["']\)\.(\w+)/g;

/** Declarations of everything that the library is made of, whatever else is being worked on. */
function emit(outDir) {
  const config = join(outDir, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        outDir,
        rootDir: join(root, 'src'),
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: [join(root, 'src', ENTRY)],
    }),
  );
  // Whether the types are right is what "npm run types" says; declarations are made all the same.
  // What a test runner has its own children load, tsc cannot.
  const args = ['-u', 'NODE_OPTIONS', join(root, 'node_modules/.bin/tsc'), '-p', config];
  const tsc = spawnSync('env', args, { encoding: 'utf8' });
  if (existsSync(join(outDir, ENTRY.replace(/\.ts$/, '.d.ts')))) return;
  throw new Error(`tsc has made no declarations (${tsc.status ?? tsc.signal}): ${tsc.stdout}${tsc.stderr}`);
}

const plain = (name) => name.trim().replace(/^type /, '');
const given = (name) => plain(name).split(' as ')[0];
const known = (name) => plain(name).split(' as ').at(-1);

/** File by file, which names somebody asks of it; "*" for all. */
function reached(read) {
  const wanted = new Map();
  const queue = [[ENTRY, ['*']]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [file, names] = next;
    const before = wanted.get(file) ?? new Set();
    const fresh = names.filter((name) => !before.has(name));
    wanted.set(file, new Set([...before, ...fresh]));
    if (fresh.length === 0) continue;
    const text = read(file);
    const door = isDoor(file);
    // What a file is itself is there once, whoever asks.
    if (!door && before.size > 0) continue;
    for (const [, verb, , list, star, single, target] of text.matchAll(FROM)) {
      const at = posix.join(posix.dirname(file), target);
      const all = list === undefined ? ['*'] : list.split(',').filter((name) => name.trim() !== '');
      if (star !== undefined || single !== undefined) queue.push([at, ['*']]);
      else if (door && verb === 'export') {
        const asked = all.filter((name) => fresh.includes('*') || fresh.includes(known(name)));
        if (asked.length > 0) queue.push([at, asked.map(given)]);
      } else queue.push([at, all.map(given)]);
    }
    for (const [, target, name] of text.matchAll(INLINE))
      queue.push([posix.join(posix.dirname(file), target), [name]]);
  }
  return wanted;
}

const isDoor = (file) => file !== ENTRY && posix.basename(file) === 'index.ts';

/** A door with the names alone that are asked of it. */
function cutDown(text, names) {
  if (names.has('*')) return text;
  return text.replace(FROM, (line, verb, type = '', list, _star, _single, target) => {
    if (verb !== 'export' || list === undefined) return line;
    const kept = list.split(',').filter((name) => name.trim() !== '' && names.has(known(name)));
    return kept.length === 0
      ? ''
      : `export ${type}{ ${kept.map((name) => name.trim()).join(', ')} } from '${target}';`;
  });
}

/** Writes them below `target`; gives how many there are. */
export function writeLibraryTypes(target) {
  const made = mkdtempSync(join(tmpdir(), 'nightshift-types-'));
  try {
    emit(made);
    const read = (file) => readFileSync(join(made, file.replace(/\.ts$/, '.d.ts')), 'utf8');
    rmSync(target, { recursive: true, force: true });
    const files = reached(read);
    for (const [file, names] of files) {
      const path = join(target, file.replace(/\.ts$/, '.d.ts'));
      mkdirSync(dirname(path), { recursive: true });
      const text = isDoor(file) ? cutDown(read(file), names) : read(file);
      // A declaration names the JavaScript that it speaks of.
      const named = text.replace(/(from '|import\(["'])(\.[^"']+)\.ts(["'])/g, '$1$2.js$3');
      writeFileSync(path, named.replace(/\n{2,}/g, '\n'));
    }
    return files.size;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeLibraryTypes(resolve(process.argv[2] ?? join(root, 'dist/types')));
}
