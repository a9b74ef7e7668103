import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { FlashLayout, FlashPartition } from '../src/board/index.ts';
import { uuidOf } from './uuid.ts';

/** Bytes of a GPT's sectors. */
const SECTOR = 512;
const RECORD_STEP = 4096;
const ERASED = 0xff;

/** Where the two copies of the boot record lie in the environment's partition: in erase blocks of their own, at its end. */
export function bootRecordPlace(layout: FlashLayout): {
  readonly partition: string;
  readonly offset: number;
  readonly step: number;
} {
  const step = Math.max(RECORD_STEP, layout.eraseSize);
  const environment = layout.partitions.find(({ holds }) => holds === 'environment');
  if (environment === undefined)
    throw new Error(`the layout ${layout.name} has no environment for the boot record`);
  return { partition: environment.name, offset: environment.size - 2 * step, step };
}

export interface MediumContent {
  readonly partition: FlashPartition;
  /** Bytes from the partition's start. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A medium as it leaves the maker: what is not written is erased, as NOR flash is; a new eMMC is zeros. */
export function writeMedium(
  path: string,
  layout: FlashLayout,
  contents: readonly MediumContent[],
  date: number,
): void {
  for (const { partition, offset, data } of contents) {
    const end = offset + data.byteLength;
    if (end > partition.size)
      throw new Error(`${partition.name} has room for ${partition.size} bytes, and ${end} are to go there`);
  }
  if (layout.kind === 'nor') writeFileSync(path, new Uint8Array(layout.size).fill(ERASED));
  else writeParted(path, layout, date);
  const file = openSync(path, 'r+');
  try {
    for (const { partition, offset, data } of contents)
      writeSync(file, data, 0, data.byteLength, partition.offset + offset);
  } finally {
    closeSync(file);
  }
}

/** With a table of partitions, and a filesystem for the state. Ids are made from names: nothing in it is random. */
function writeParted(path: string, layout: FlashLayout, date: number): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, layout.size);
  closeSync(file);
  const lines = layout.partitions.map(
    ({ name, offset, size }) =>
      `start=${offset / SECTOR}, size=${size / SECTOR}, name="${name}", uuid=${uuidOf(`nightshift ${layout.name} ${name}`)}, type=L`,
  );
  const script = [
    'label: gpt',
    `label-id: ${uuidOf(`nightshift ${layout.name}`)}`,
    'unit: sectors',
    '',
    ...lines,
    '',
  ].join('\n');
  const env = {
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    SOURCE_DATE_EPOCH: `${date}`,
    E2FSPROGS_FAKE_TIME: `${date}`,
  };
  execFileSync('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', path], { input: script, env });
  const state = layout.partitions.find(({ holds }) => holds === 'state');
  if (state === undefined) return;
  const id = uuidOf(`nightshift ${layout.name} state`);
  const options = `offset=${state.offset},hash_seed=${id},root_owner=0:0`;
  execFileSync('mkfs.ext4', ['-q', '-F', '-U', id, '-E', options, path, `${state.size / 1024}k`], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** A copy of a device tree with a board's changes. */
export function changedTree(
  from: string,
  to: string,
  changes: readonly {
    readonly node: string;
    readonly property: string;
    readonly value: string | readonly number[];
  }[],
): void {
  copyFileSync(from, to);
  for (const { node, property, value } of changes) {
    const [type, values] = typeof value === 'string' ? ['s', [value]] : ['u', value.map(String)];
    execFileSync('fdtput', ['-p', '-t', type, to, node, property, ...values]);
  }
}

export const sha256 = (path: string): Buffer => createHash('sha256').update(readFileSync(path)).digest();
