import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { openKeyFile } from '../src/adapters/key-files.ts';
import { toHex } from '../src/base/index.ts';
import {
  type BoardDescription,
  boardDescription,
  type FlashLayout,
  flashLayout,
} from '../src/board/index.ts';
import {
  BLANK_RECORD,
  beginTrial,
  confirm,
  firmwareHead,
  slotParts,
  writeBootRecord,
} from '../src/firmware/index.ts';
import { publicKeyFromText, publicKeyText, signFirmware } from '../src/security/index.ts';
import { refuseTestKeys, writeFirmwareFacts } from './firmware-facts.ts';
import { packInitramfs, shellLines } from './initramfs.ts';
import { packKernel } from './kernel-image.ts';
import { bootRecordPlace, changedTree, type MediumContent, sha256, writeMedium } from './media.ts';
import { billOfMaterials } from './sbom.ts';
import { ROOT, systemFor } from './systems.ts';
import { type Compression, squash, writeApp, writeBase } from './trees.ts';

const OPTIONS = {
  board: { type: 'string' },
  out: { type: 'string' },
  key: { type: 'string' },
  compression: { type: 'string', default: 'xz' },
  factory: { type: 'string' },
  rollback: { type: 'string', default: '0' },
  'firmware-version': { type: 'string' },
  trust: { type: 'string', multiple: true },
  release: { type: 'boolean', default: false },
  help: { type: 'boolean' },
} as const;

const HELP = `npm run flash -- --board BOARD [options]

Packs the firmware of a board: an image of its flash, an update (.nsfw), the list of what is in it, and licences.

  --out DIR            where to put them; by default dist/flash/BOARD
  --key FILE           signing key (Ed25519, PEM); by default the test key, which --release refuses
  --compression KIND   xz (default, smallest), zstd or lz4
  --factory DIR        files for the device's state directory at its first start
  --rollback NUMBER    rollback index; by default 0
  --firmware-version   by default that of package.json
  --trust KEY          a further public key (ed25519:…) whose updates the board takes; may be given again
  --release            for the field: refuses keys that anybody knows, here and on the board
`;

const TEST_KEY = join(ROOT, 'flash/test-key.pem');

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, allowPositionals: false });
  if (values.help === true || values.board === undefined) {
    process.stdout.write(HELP);
    process.exitCode = values.help === true ? 0 : 2;
    return;
  }
  const board = v.parse(boardDescription, readJson(`boards/${values.board}/board.json`));
  if (board.flash === undefined || board.firmware === undefined)
    throw new Error(`the board ${board.name} says nothing of its flash and firmware`);
  const layout = v.parse(flashLayout, readJson(`flash/layouts/${board.flash.layout}.json`));
  if (layout.size > board.flash.size)
    throw new Error(
      `the layout ${layout.name} needs ${layout.size} bytes; ${board.name} has ${board.flash.size}`,
    );
  if (values.release && values.key === undefined)
    throw new Error('a release is signed by a key of its own: give --key');
  const out = resolve(values.out ?? join(ROOT, 'dist/flash', board.name));
  const work = mkdtempSync(join(tmpdir(), 'nightshift-flash-'));
  try {
    await pack({
      board,
      layout,
      out,
      work,
      key: values.key ?? TEST_KEY,
      trust: (values.trust ?? []).map((text) => publicKeyText(publicKeyFromText(text))),
      release: values.release,
      compression: compressionOf(values.compression),
      factory: values.factory,
      rollback: rollbackOf(values.rollback),
      version: values['firmware-version'] ?? (readJson('package.json') as { version: string }).version,
      date: sourceDate(),
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Packing {
  readonly board: BoardDescription;
  readonly layout: FlashLayout;
  readonly out: string;
  readonly work: string;
  readonly key: string;
  readonly trust: readonly string[];
  readonly release: boolean;
  readonly compression: Compression;
  readonly factory: string | undefined;
  readonly rollback: number;
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
}

async function pack(packing: Packing): Promise<void> {
  const { board, layout, out, work, compression, date, version, rollback, release } = packing;
  const signer = await openKeyFile(signingKey(packing));
  const keys = [...new Set([publicKeyText(signer.publicKey), ...packing.trust])];
  if (release) refuseTestKeys(keys);
  const system = systemFor(board);
  mkdirSync(out, { recursive: true });
  const [slotHolds] = slotParts(layout);
  if (slotHolds === undefined) throw new Error(`the layout ${layout.name} has no slots`);
  const settings = shellLines({
    BOARD: board.name,
    FIRMWARE_VERSION: version,
    FIRMWARE_DATE: date,
    WATCHDOG_SECONDS: board.watchdog?.timeoutSeconds ?? 0,
    // By which native parts are chosen: where there is no NEON, those of ARMv7 end with an illegal instruction.
    ARM_VERSION: board.processor?.arch === 'armv7' && !board.processor.neon ? 6 : '',
  });

  const base = join(work, 'base');
  writeBase(base, system);
  writeFileSync(join(base, 'etc/board'), settings);
  // In a layout of one piece the agent is in the root itself.
  const app = slotHolds === 'app' ? join(work, 'app') : join(base, 'opt/nightshift');
  mkdirSync(app, { recursive: true });
  const packages = writeApp(app, board, system);
  writeFirmwareFacts(app, { board: board.name, version, rollback, layout, keys, release });
  if (packing.factory !== undefined) execFileSync('cp', ['-r', packing.factory, join(app, 'factory')]);
  const images = new Map<string, string>();
  const squashed = (holds: string, tree: string): void => {
    const path = join(out, `${holds}.squashfs`);
    rmSync(path, { force: true });
    squash(tree, path, { compression, date });
    images.set(holds, path);
  };
  squashed(slotHolds, slotHolds === 'app' ? app : base);
  if (slotHolds === 'app') squashed('base', base);

  const initrd = packInitramfs(board, layout, system, settings);
  const tree = board.deviceTree === undefined ? undefined : join(out, `${board.name}.dtb`);
  if (board.deviceTree !== undefined && tree !== undefined)
    changedTree(join(system.directory, 'dtbs', board.deviceTree.file), tree, board.deviceTree.changes);
  const kernel = packKernel({ directory: out, work }, system, initrd, tree, date);
  images.set('kernel', kernel.fit);

  const slotImage = images.get(slotHolds) ?? '';
  const digest = sha256(slotImage);
  const size = statSync(slotImage).size;
  const signed = await signFirmware(
    {
      v: 1,
      board: board.name,
      version,
      rollback,
      date,
      parts: [{ holds: slotHolds, size, sha256: digest }],
    },
    signer,
  );
  const update = join(out, `${board.name}-${version}.nsfw`);
  writeFileSync(update, Buffer.concat([firmwareHead(signed), readFileSync(slotImage)]));

  const medium = join(out, `${board.name}.img`);
  writeMedium(
    medium,
    layout,
    mediumContents(layout, images, { version, rollback, size, sha256: toHex(digest) }),
    date,
  );
  writeFileSync(
    join(out, 'sbom.cdx.json'),
    `${JSON.stringify(billOfMaterials(board, version, system, packages), null, 2)}\n`,
  );
  writeLicences(join(out, 'licences'), system.directory, packages);
  report(layout, images, [medium, update]);
}

/** The first firmware is proven: a maker has started it. */
function mediumContents(
  layout: FlashLayout,
  images: ReadonlyMap<string, string>,
  firmware: { version: string; rollback: number; size: number; sha256: string },
): MediumContent[] {
  const record = confirm(beginTrial(BLANK_RECORD, 'a', firmware), 'a');
  const place = bootRecordPlace(layout);
  return layout.partitions.flatMap((partition) => {
    if (partition.holds === 'environment')
      return [{ partition, offset: place.offset, data: writeBootRecord(record) }];
    const image = partition.slot === 'b' ? undefined : images.get(partition.holds);
    return image === undefined ? [] : [{ partition, offset: 0, data: readFileSync(image) }];
  });
}

function writeLicences(directory: string, system: string, packages: ReturnType<typeof writeApp>): void {
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(ROOT, 'LICENSE'), join(directory, 'nightshift'));
  const node = join(system, 'licences/node');
  if (existsSync(node)) copyFileSync(node, join(directory, 'node'));
  for (const { name, licenceText } of packages)
    if (licenceText !== '') writeFileSync(join(directory, name.replaceAll('/', '-')), licenceText);
}

/** A key of its own is kept from others by whoever has it; the test key is everybody's. */
function signingKey({ key, work }: Packing): string {
  if (key !== TEST_KEY) return key;
  const copy = join(work, 'test-key.pem');
  writeFileSync(copy, readFileSync(TEST_KEY), { mode: 0o600 });
  return copy;
}

/** What there is, and how much of each partition it takes. */
function report(layout: FlashLayout, images: ReadonlyMap<string, string>, files: readonly string[]): void {
  const MiB = 1024 * 1024;
  for (const { name, holds, slot, size } of layout.partitions) {
    const image = slot === 'b' ? undefined : images.get(holds);
    if (image === undefined) continue;
    const used = statSync(image).size;
    process.stdout.write(
      `${name.padEnd(12)} ${(used / MiB).toFixed(2).padStart(8)} of ${(size / MiB).toFixed(2)} MiB (${Math.round((100 * used) / size)} %)\n`,
    );
  }
  for (const file of files) process.stdout.write(`${file}\n`);
}

function compressionOf(text: string): Compression {
  if (text === 'xz' || text === 'zstd' || text === 'lz4') return text;
  throw new Error(`--compression is xz, zstd or lz4, not "${text}"`);
}

function rollbackOf(text: string): number {
  const index = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(index)) return index;
  throw new Error(`--rollback is a whole number, not "${text}"`);
}

/** Of the sources, so that the same sources give the same bytes: SOURCE_DATE_EPOCH, or the last commit's. */
function sourceDate(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return Number(given);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }));
  } catch {
    return Math.floor(statSync(join(ROOT, 'package.json')).mtimeMs / 1000);
  }
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

main().catch((error: unknown) => {
  process.stderr.write(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
