import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { toHex } from '../src/base/index.ts';
import type { BoardDescription, FlashLayout } from '../src/board/index.ts';
import {
  BLANK_RECORD,
  beginTrial,
  confirm,
  firmwareHead,
  slotParts,
  writeBootRecord,
} from '../src/firmware/index.ts';
import type { KeyStore } from '../src/ports/index.ts';
import { type FirmwareManifest, firmwareManifest } from '../src/protocol/index.ts';
import { publicKeyText, signFirmware } from '../src/security/index.ts';
import { refuseTestKeys, writeFirmwareFacts } from './firmware-facts.ts';
import { packInitramfs, shellLines } from './initramfs.ts';
import { packKernel } from './kernel-image.ts';
import { writeLicences } from './licences.ts';
import { bootRecordPlace, changedTree, type MediumContent, sha256, writeMedium } from './media.ts';
import { type RaucSigning, writeRaucBundle } from './rauc.ts';
import { billOfMaterials, shippedPackages } from './sbom.ts';
import { systemFor } from './systems.ts';
import { type Compression, FACTORY, squash, writeApp, writeBase } from './trees.ts';

/** What is packed, and for whom. */
export interface Packing {
  readonly board: BoardDescription;
  readonly layout: FlashLayout;
  readonly out: string;
  readonly work: string;
  readonly signer: KeyStore;
  /** Further keys whose updates the board takes. */
  readonly trust: readonly string[];
  readonly release: boolean;
  readonly rauc: RaucSigning | undefined;
  readonly compression: Compression;
  readonly factory: string | undefined;
  readonly rollback: number;
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
}

/** Writes the image of a board's flash, an update, a bill of materials and licences; says how much of each partition is taken. */
export async function packFirmware(packing: Packing): Promise<void> {
  const { board, layout, out, work, signer, compression, date, version, rollback, release } = packing;
  checkFacts({ board: board.name, version, rollback, date });
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
  const debian = writeBase(base, system);
  writeFileSync(join(base, 'etc/board'), settings);
  // In a layout of one piece the agent is in the root itself.
  const app = slotHolds === 'app' ? join(work, 'app') : join(base, 'opt/nightshift');
  mkdirSync(app, { recursive: true });
  const npm = writeApp(app, board, system);
  writeFirmwareFacts(app, { board: board.name, version, rollback, layout, keys, release });
  if (packing.factory !== undefined)
    cpSync(packing.factory, join(app, FACTORY), { recursive: true, verbatimSymlinks: true });
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
  // First: what does not fit is signed by nobody.
  const medium = join(out, `${board.name}.img`);
  writeMedium(
    medium,
    layout,
    mediumContents(layout, images, { version, rollback, size, sha256: toHex(digest) }),
    date,
  );
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

  const shipped = shippedPackages(system, debian, npm);
  const bill = billOfMaterials(board, { version, date }, system, shipped);
  writeFileSync(join(out, 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
  writeLicences(join(out, 'licences'), system, shipped);
  const bundle =
    packing.rauc === undefined
      ? []
      : [writeRaucBundle({ out, work }, board, layout, { version, image: slotImage }, packing.rauc)];
  report(layout, images, [medium, update, ...bundle]);
}

/** What no device would take is not signed. */
function checkFacts(facts: Pick<FirmwareManifest, 'board' | 'version' | 'rollback' | 'date'>): void {
  const judged = v.safeParse(v.pick(firmwareManifest, ['board', 'version', 'rollback', 'date']), facts);
  const [issue] = judged.issues ?? [];
  if (issue !== undefined)
    throw new Error(
      `the ${v.getDotPath(issue)} of the firmware cannot be ${issue.received}: ${issue.message}`,
    );
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
