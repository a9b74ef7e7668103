// Everything that must hold before a change lands: set-up, types, lint, build, all tests. Ends with "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const bin = (name) => join(root, 'node_modules', '.bin', name);
let passed = 0;
let failed = 0;

function step(title, command, args) {
  process.stdout.write(`== ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) passed += 1;
  else {
    failed += 1;
    process.stdout.write(`not ok: ${title}\n`);
  }
  return status === 0;
}

function finish() {
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

/** Counts subtests (the promises), not assertions; prints a line a file, and all that a broken file said. */
async function runTap(files) {
  process.stdout.write('== tests\n');
  const tap = spawn(bin('tap'), ['--reporter=tap', ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => tap.on('close', resolve));
  const counted = { ok: 0, broken: 0 };
  let said = [];
  for await (const line of createInterface({ input: tap.stdout })) {
    const file = /^(not )?ok \d+ - (\S+\.test\.ts)(.*)$/.exec(line);
    const promise = /^ {4}(not )?ok \d+ - /.exec(line);
    if (said.length < 2000) said.push(line);
    if (/# (SKIP|TODO)\b/i.test(line)) {
      counted.broken += 1;
      process.stdout.write(`skipped, which is not allowed: ${line.trim()}\n`);
    } else if (promise) counted[promise[1] ? 'broken' : 'ok'] += 1;
    if (/^\s*# figure: /.test(line)) process.stdout.write(`    ${line.trim().slice(2)}\n`);
    if (!file) continue;
    process.stdout.write(`${file[1] ? 'not ok' : 'ok'} ${file[2]}${file[3]}\n`);
    if (file[1]) process.stdout.write(`${said.join('\n')}\n`);
    said = [];
  }
  const code = await ended;
  passed += counted.ok;
  failed += counted.broken;
  if (code !== 0 && counted.broken === 0) {
    failed += 1;
    process.stdout.write(`${said.join('\n')}\nnot ok: the test runner ended with ${code}\n`);
  }
}

if (!step('set-up', 'bash', [join(root, 'scripts/setup')])) finish();
step('types', bin('tsc'), ['-p', '.', '--noEmit']);
step('types of the page', bin('tsc'), ['-p', 'web', '--noEmit']);
step('format and lint (biome)', bin('biome'), ['check', '--error-on-warnings', '.']);
step('lint with types (oxlint)', bin('oxlint'), [
  '--type-aware',
  '--deny-warnings',
  'src',
  'test',
  'bench',
  'web',
  'flash',
  'packaging',
]);
step('build', bin('rollup'), ['-c', '--silent']);
step('test runner', bin('tap'), ['build']);
await runTap(process.argv.slice(2));
finish();
