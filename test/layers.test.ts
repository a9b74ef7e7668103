import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type SourceFile, violations } from './kit/import-law.ts';

const root = join(import.meta.dirname, '..');

function sources(): SourceFile[] {
  return readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const full = join(entry.parentPath, entry.name);
      return { path: full.slice(root.length + 1), text: readFileSync(full, 'utf8') };
    });
}

await t.test('the import law holds in src/', async (t) => {
  const files = sources();
  t.ok(files.length > 30, 'the sources were found');
  t.same(violations(files), []);
});

const planted: readonly [string, SourceFile, RegExp][] = [
  [
    'a lower floor that imports a higher one',
    { path: 'src/base/x.ts', text: "import { a } from '../ports/index.ts';" },
    /base may not import ports/,
  ],
  [
    'engines that import each other',
    { path: 'src/storage/x.ts', text: "import type { A } from '../protocol/index.ts';" },
    /storage may not import protocol/,
  ],
  [
    'front doors that import each other',
    { path: 'src/agent/x.ts', text: "export { a } from '../console/index.ts';" },
    /agent may not import console/,
  ],
  [
    'a room entered past its door',
    { path: 'src/tasks/x.ts', text: "import { a } from '../bmc/custody.ts';" },
    /past its door/,
  ],
  [
    'a multi-line import',
    { path: 'src/bmc/x.ts', text: "import {\n  a,\n  b,\n} from '../storage/index.ts';" },
    /bmc may not import storage/,
  ],
  [
    'a dynamic import',
    { path: 'src/bmc/x.ts', text: "const m = await import('../tasks/index.ts');" },
    /bmc may not import tasks/,
  ],
  [
    'an engine that opens files',
    { path: 'src/storage/x.ts', text: "import { open } from 'node:fs/promises';" },
    /only adapters and programs/,
  ],
  [
    'a third-party package in an engine',
    { path: 'src/fleet/x.ts', text: "import mqtt from 'mqtt';" },
    /only adapters and programs/,
  ],
  [
    'a second importer of cbor-x',
    { path: 'src/adapters/x.ts', text: "import { Encoder } from 'cbor-x';" },
    /only src\/protocol\/cbor.ts/,
  ],
  [
    'a timer outside adapters',
    { path: 'src/tasks/x.ts', text: 'setTimeout(() => {}, 5);' },
    /reaches for the world/,
  ],
  [
    'the wall clock outside adapters',
    { path: 'src/fleet/x.ts', text: 'const now = Date.now();' },
    /reaches for the world/,
  ],
  [
    'randomness outside adapters',
    { path: 'src/security/x.ts', text: "import { createHash, randomBytes } from 'node:crypto';" },
    /takes randomness/,
  ],
  [
    'an adapter that knows the tasks',
    { path: 'src/adapters/x.ts', text: "import { a } from '../tasks/index.ts';" },
    /adapters may not import tasks/,
  ],
  [
    'a room that is not in the plan',
    { path: 'src/utils/x.ts', text: 'export const a = 1;' },
    /no room "utils"/,
  ],
  [
    'a floor that imports a program',
    { path: 'src/agent/x.ts', text: "import { a } from '../programs/agent/main.ts';" },
    /imports the program/,
  ],
  [
    'a program that takes a part of another one',
    { path: 'src/programs/agent/x.ts', text: "import { a } from '../command/x.ts';" },
    /of another program/,
  ],
];

for (const [what, file, expected] of planted) {
  await t.test(`the checker sees ${what}`, async (t) => {
    const found = violations([file]);
    t.equal(found.length, 1);
    t.match(found[0], expected);
  });
}

await t.test('the checker lets the allowed ways pass', async (t) => {
  t.same(
    violations([
      {
        path: 'src/tasks/x.ts',
        text: "import { a } from '../bmc/index.ts';\n// setTimeout( in a comment\nimport * as v from 'valibot';",
      },
      { path: 'src/adapters/x.ts', text: "import { open } from 'node:fs/promises';\nsetTimeout(f, 1);" },
      {
        path: 'src/programs/agent/main.ts',
        text: "import { a } from '../../adapters/x.ts';\nprocess.exit(0);",
      },
      { path: 'src/security/x.ts', text: "import { createHash } from 'node:crypto';" },
    ]),
    [],
  );
});
