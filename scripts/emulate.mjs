#!/usr/bin/env node
// npm run emulate -- BOARD: packs a board's firmware, boots it in an emulator, and shows that it works there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [board = ''] = process.argv.slice(2);
const script = join(root, 'test/emulation', `${board}.ts`);
if (!/^[a-z0-9-]+$/.test(board) || !existsSync(script)) {
  if (/^[a-z0-9-]+$/.test(board) && existsSync(join(root, 'boards', board, 'board.json')))
    process.stderr.write(
      `nobody has written what ${board} is to show: docs/board-maker.md has the line that starts its image\n`,
    );
  process.stderr.write('usage: npm run emulate -- ast2600-evb|rainier|sidecar\n');
  process.exit(2);
}
process.exit(
  spawnSync(process.execPath, ['--import=tsx', script], { cwd: root, stdio: 'inherit' }).status ?? 1,
);
