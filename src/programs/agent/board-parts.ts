import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NsError, sentenceOf, shapeConfig, suggest } from '../../base/index.ts';
import type { BoardDescription } from '../../board/index.ts';
import type { Board, BoardParts, BoardSections, BoardSetting } from './board.ts';

/** Read when they are asked for: a device carries the code of one board. */
const ADAPTERS: Readonly<Record<Exclude<BoardDescription['adapter'], 'none'>, () => Promise<Board>>> = {
  'sim-host': async () => (await import('./board-sim-host.ts')).simHost,
  'qemu-host': async () => (await import('./board-qemu-host.ts')).qemuHost,
  linux: async () => (await import('./board-linux.ts')).linuxBoard,
};

/** Opens a board by its name. NS_BOARD_UNKNOWN lists what there is. */
export async function openBoard(name: string, setting: BoardSetting): Promise<BoardParts> {
  const { description, board } = await boardOf(name);
  return board.open(description, setting);
}

/** Judges a board's name and its part of the configuration, and opens nothing. */
export async function checkBoard(name: string, sections: BoardSections): Promise<void> {
  const { description, board } = await boardOf(name);
  board.check(sections, description);
}

async function boardOf(
  name: string,
): Promise<{ readonly description: BoardDescription; readonly board: Board }> {
  const description = await readDescription(name);
  if (description.adapter !== 'none') return { description, board: await ADAPTERS[description.adapter]() };
  throw new NsError(
    'NS_BOARD_UNKNOWN',
    `the agent cannot run on ${name}: run it beside that board, and let it ask by IPMI (hostPower.ipmi)`,
    { family: 'caller' },
  );
}

/** Boards are data, in boards/: beside the folder of the built programs, or beside src/. */
const BOARD_FOLDERS = ['../boards/', '../../../boards/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Descriptions of all boards that the agent knows; one that cannot be read is NS_CONFIG_INVALID. */
export async function allDescriptions(): Promise<readonly BoardDescription[]> {
  const folder = BOARD_FOLDERS.find((each) => existsSync(each)) ?? '';
  const names = await readdir(folder).catch(() => [] as string[]);
  return Promise.all(names.sort().map((name) => readDescription(name)));
}

/** NS_BOARD_UNKNOWN lists what there is; a description that is wrong is NS_CONFIG_INVALID. */
export async function readDescription(name: string, from?: string): Promise<BoardDescription> {
  const folder = from ?? BOARD_FOLDERS.find((each) => existsSync(each)) ?? '';
  const names = await readdir(folder).catch(() => [] as string[]);
  if (!names.includes(name)) {
    const near = suggest(name, names);
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
    throw new NsError('NS_BOARD_UNKNOWN', `there is no board "${name}"; ${hint}`, { family: 'caller' });
  }
  const path = join(folder, name, 'board.json');
  const { boardDescription } = await import('../../board/index.ts');
  const board = shapeConfig(boardDescription, await readJson(path), path);
  if (board.name !== name) throw invalid(path, `it names "${board.name}", and its folder is ${name}`);
  return board;
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `it is not JSON: ${sentenceOf(cause)}`);
  }
}

const invalid = (path: string, sentence: string): NsError =>
  new NsError('NS_CONFIG_INVALID', `${path}: ${sentence}`, { family: 'caller' });
