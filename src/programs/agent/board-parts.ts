import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NsError, shapeConfig, suggest } from '../../base/index.ts';
import type { BoardDescription } from '../../board/index.ts';
import type { Board, BoardParts, BoardSetting } from './board.ts';

/** Read when they are asked for: a device carries the code of one board. */
const BOARDS: Readonly<Record<string, () => Promise<Board>>> = {
  'sim-host': async () => (await import('./board-sim-host.ts')).simHost,
  'qemu-host': async () => (await import('./board-qemu-host.ts')).qemuHost,
};

/** Opens a board by its name. NS_BOARD_UNKNOWN lists what there is. */
export async function openBoard(name: string, setting: BoardSetting): Promise<BoardParts> {
  const board = await boardOf(name);
  return board.open(await readDescription(name), setting);
}

/** Judges a board's name and its part of the configuration, and opens nothing. */
export async function checkBoard(name: string, setting: Pick<BoardSetting, 'sim' | 'qemu'>): Promise<void> {
  const board = await boardOf(name);
  await readDescription(name);
  board.check(setting);
}

function boardOf(name: string): Promise<Board> {
  const names = Object.keys(BOARDS);
  const board = Object.hasOwn(BOARDS, name) ? BOARDS[name] : undefined;
  if (board !== undefined) return board();
  const near = suggest(name, names);
  const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
  throw new NsError('NS_BOARD_UNKNOWN', `there is no board "${name}"; ${hint}`, { family: 'caller' });
}

/** Boards are data, in boards/: beside the folder of the built programs, or beside src/. */
const BOARD_FOLDERS = ['../boards/', '../../../boards/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

async function readDescription(name: string): Promise<BoardDescription> {
  const folder = BOARD_FOLDERS.find((each) => existsSync(each)) ?? BOARD_FOLDERS[0];
  const path = join(folder ?? '', name, 'board.json');
  const { boardDescription } = await import('../../board/index.ts');
  return shapeConfig(boardDescription, JSON.parse(await readFile(path, 'utf8')), path);
}
