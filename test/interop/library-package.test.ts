import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformSync } from 'esbuild';
import t from 'tap';
import { librarySite } from '../kit/library-site.ts';
import { installedLibrary } from '../kit/packed-library.ts';
import { pageExamples } from '../kit/page-examples.ts';

const DEADLINE_MS = 120_000;
const TYPES = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
  },
};
/** What each example prints, by its number. */
const RUNNER = `
import { format } from 'node:util';
const all = [];
for (const file of process.argv.slice(2)) {
  const lines = [];
  console.log = (...args) => lines.push(format(...args));
  await import('./' + file).catch((error) => lines.push(String(error)));
  all.push(lines.join('\\n') + '\\n');
}
process.stdout.write(JSON.stringify(all));
`;
const SERVICE = `
import { Fleet } from 'nightshift';
const listeners = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'beforeExit', 'uncaughtException', 'unhandledRejection', 'warning']
  .map((name) => process.listenerCount(name)).join();
const before = listeners();
const fleets = await Promise.all(['olga.key', 'otto.key', 'olga.key'].map((key) => Fleet.open({ config: 'nightshift.yaml', key })));
for (const outcomes of await Promise.all(fleets.map((fleet) => fleet.status('rack[1-2]'))))
  if (outcomes.some(({ is }) => is !== 'succeeded')) throw new Error('a host did not answer');
const shared = new AbortController();
await Promise.all(Array.from({ length: 30 }, () => fleets[0].status('rack1', { signal: shared.signal })));
const all = fleets[0].status('@all', { atOnce: 300, signal: AbortSignal.timeout(700) });
await all.then(() => { throw new Error('the dead have answered'); }, () => {});
fleets[1].memcheck('rack1', { medium: 'dram' });
fleets[2].read('rack1', '/etc/motd');
await Promise.all(fleets.map((fleet) => fleet.close()));
await Fleet.open({ config: 'nowhere.yaml' }).then(() => { throw new Error('opened'); }, () => {});
if (listeners() !== before) throw new Error('listeners: ' + before + ' then ' + listeners());
`;

const home = mkdtempSync(join(tmpdir(), 'nightshift-package-'));
const folder = await installedLibrary(home);
const dead = ['rack4', ...Array.from({ length: 299 }, (_, n) => `dead${n + 1}`)];
const site = await librarySite(folder, { dead });
const examples = pageExamples('docs/library.md');
t.teardown(async () => {
  await site.close();
  rmSync(home, { recursive: true, force: true });
});

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  const options = { cwd: folder, timeout: DEADLINE_MS, env: { PATH: process.env.PATH, HOME: home } };
  return new Promise((done) => {
    // What the test runner has its children load is no part of what is tested.
    execFile('env', ['-u', 'NODE_OPTIONS', program, ...args], options, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr }),
    );
  });
}

await t.test('the examples of the page fit the types of the package', async (t) => {
  for (const [n, { code }] of examples.entries()) writeFileSync(join(folder, `example-${n}.ts`), code);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TYPES));
  // Types that were lost would fit anything.
  const lost =
    "import { Fleet } from 'nightshift';\n// @ts-expect-error\nexport const n: number = Fleet.open;\n";
  writeFileSync(join(folder, 'lost.ts'), lost);
  t.match(await run(resolve('node_modules/.bin/tsc'), ['-p', '.']), { code: 0, stdout: '' });
});

await t.test('and print what the page says', async (t) => {
  for (const [n, { code }] of examples.entries()) {
    const made = transformSync(code, { loader: 'ts', target: 'node20', format: 'esm' });
    writeFileSync(join(folder, `example-${n}.mjs`), made.code);
  }
  writeFileSync(join(folder, 'run.mjs'), RUNNER);
  const { code, stdout, stderr } = await run(process.execPath, [
    'run.mjs',
    ...examples.map((_, n) => `example-${n}.mjs`),
  ]);
  t.match({ code, stderr }, { code: 0, stderr: '' });
  const printed = JSON.parse(stdout) as string[];
  for (const [n, { prints }] of examples.entries()) t.equal(printed[n], prints, `example ${n}`);
});

await t.test('in a service it is silent, leaves the process alone, and lets it end', async (t) => {
  writeFileSync(join(folder, 'service.mjs'), SERVICE);
  t.same(await run(process.execPath, ['--unhandled-rejections=strict', 'service.mjs']), {
    code: 0,
    stdout: '',
    stderr: '',
  });
});
