import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const names = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts') && file !== 'kit.ts')
  .map((file) => file.slice(0, -3));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !existsSync(join(root, 'bench', `${name}.ts`))) {
  console.error(`usage: npm run bench -- NAME [--json]\nNAME is one of: ${names.join(', ')}`);
  process.exit(2);
}
const run = spawnSync(process.execPath, ['--import=tsx', join(root, 'bench', `${name}.ts`), ...rest], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
