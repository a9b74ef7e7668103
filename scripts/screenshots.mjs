// The pictures of the page in docs/operator.md, taken in Chromium before a fleet of simulated hosts: docs/web-*.png.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const steps = [
  [join(root, 'node_modules/.bin/rollup'), '-c', '--silent'],
  [process.execPath, '--import=tsx', join(root, 'test/screenshots/main.ts'), ...process.argv.slice(2)],
];
for (const [program, ...args] of steps) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
