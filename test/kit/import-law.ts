import { posix } from 'node:path';

/** A source file as the checker sees it: its path from the repository's root, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const ENGINES = ['board', 'protocol', 'ipmi', 'storage', 'sata-chain', 'security', 'transfer', 'firmware'];

/** What each room may import beside itself (docs/structure.md). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  ports: ['base'],
  protocol: ['base', 'ports'],
  ipmi: ['base', 'ports'],
  storage: ['base', 'ports'],
  'sata-chain': ['base', 'ports'],
  security: ['base', 'ports', 'protocol'],
  transfer: ['base', 'ports', 'protocol'],
  show: ['base', 'protocol'],
  firmware: ['base', 'ports', 'protocol', 'board'],
  board: ['base', 'ports'],
  bmc: ['base', 'ports'],
  tasks: ['base', 'ports', 'protocol', 'security', 'transfer', 'storage', 'sata-chain', 'firmware', 'bmc'],
  agent: ['base', 'ports', 'protocol', 'security', 'transfer', 'bmc', 'tasks'],
  console: ['base', 'ports', 'protocol', 'security', 'transfer', 'show', 'bmc', 'tasks'],
  fleet: ['base', 'ports', 'protocol', 'security', 'transfer', 'show'],
  web: ['base', 'ports', 'protocol', 'show'],
  adapters: ['base', 'ports', ...ENGINES],
  'adapters/sim': ['base', 'ports', 'adapters', ...ENGINES, 'bmc'],
};

const EVERYTHING = Object.keys(MAY_IMPORT);
/** Pure computing: a hash needs no world. Keys and randomness come through ports (see WORLD). */
const NODE_IN_ENGINES = ['node:crypto'];
const PACKAGES_IN_ENGINES = ['valibot'];

/** Time, randomness and the process, by the names under which code reaches for them. */
const WORLD =
  /(?<![.\w])(setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(|\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.|\bMath\.random\b|\bprocess\.|\bAbortSignal\.timeout\b|\bglobalThis\b/;

/** What node:crypto has that is not a pure function of its input. */
const ENTROPY = /\b(random\w*|getRandomValues|webcrypto|generateKey\w*)\b/;

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function roomOf(path: string): string {
  const [, first, second] = path.split('/');
  if (first === undefined || first === 'programs') return 'program';
  return first === 'adapters' && second === 'sim' ? 'adapters/sim' : first;
}

/** What lies in src/programs itself belongs to all of them. */
function isSameProgram(path: string, target: string): boolean {
  const [from, to] = [posix.dirname(path), posix.dirname(target)];
  return to === 'src/programs' || from === to;
}

/** Comments and the text of templates and strings hold no code; imports are read before this. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

function judgeOwn(file: SourceFile, room: string, target: string): string | undefined {
  const resolved = posix.normalize(posix.join(posix.dirname(file.path), target));
  if (!resolved.startsWith('src/'))
    return room === 'program' && resolved.startsWith('boards/')
      ? undefined
      : `imports ${resolved}, outside src/`;
  const targetRoom = roomOf(resolved);
  if (targetRoom === room)
    return room === 'program' && !isSameProgram(file.path, resolved)
      ? `imports ${resolved}, of another program`
      : undefined;
  if (targetRoom === 'program') return `imports the program ${resolved}`;
  const allowed = room === 'program' ? EVERYTHING : (MAY_IMPORT[room] ?? []);
  if (!allowed.includes(targetRoom)) return `the room ${room} may not import ${targetRoom}`;
  const door = `src/${targetRoom}/index.ts`;
  if (!targetRoom.startsWith('adapters') && resolved !== door)
    return `imports ${resolved} past its door ${door}`;
  return undefined;
}

function judgeForeign(file: SourceFile, room: string, target: string, clause: string): string | undefined {
  if (target === 'cbor-x' || target.startsWith('cbor-x/')) {
    return file.path === 'src/protocol/cbor.ts'
      ? undefined
      : 'imports cbor-x, which only src/protocol/cbor.ts may';
  }
  if (room === 'program' || room.startsWith('adapters')) return undefined;
  if (target === 'node:crypto' && ENTROPY.test(clause)) return 'takes randomness or keys from node:crypto';
  const allowed = target.startsWith('node:') ? NODE_IN_ENGINES : PACKAGES_IN_ENGINES;
  return allowed.includes(target) ? undefined : `imports ${target}, which only adapters and programs may`;
}

/** Every breach of the import law in these files, one sentence each. */
export function violations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const file of files) {
    const room = roomOf(file.path);
    if (room !== 'program' && MAY_IMPORT[room] === undefined)
      found.push(`${file.path}: there is no room "${room}"`);
    const code = withoutComments(file.text);
    for (const match of code.matchAll(IMPORT)) {
      const target = match[1] ?? match[2] ?? '';
      const breach = target.startsWith('.')
        ? judgeOwn(file, room, target)
        : judgeForeign(file, room, target, match[0]);
      if (breach !== undefined) found.push(`${file.path}: ${breach}`);
    }
    if (room === 'program' || room.startsWith('adapters')) continue;
    code.split('\n').forEach((line, index) => {
      const reach = WORLD.exec(line);
      if (reach !== null) found.push(`${file.path}:${index + 1}: reaches for the world by ${reach[0]}`);
    });
  }
  return found;
}
