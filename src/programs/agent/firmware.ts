import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { openImage } from '../../adapters/linux/firmware-image.ts';
import { openMtd } from '../../adapters/linux/firmware-mtd.ts';
import { openPartitions } from '../../adapters/linux/firmware-partitions.ts';
import { openFirmwareSlots } from '../../adapters/linux/firmware-slots.ts';
import { NsError, sentenceOf } from '../../base/index.ts';
import { BootBook, type FirmwareDescription, firmwareDescription } from '../../firmware/index.ts';
import type { FirmwareSlots, LogSink } from '../../ports/index.ts';
import { publicKeyFromText } from '../../security/index.ts';
import type { OwnFirmware } from '../../tasks/index.ts';
import type { AgentConfig } from './config.ts';
import { type FirmwareConfig, firmwareConfig } from './firmware-config.ts';
import { FIRMWARE_FILE } from './firmware-file.ts';

const SLOT_FILE = '/run/slot';

/** The firmware that runs, as tasks see it, and what the device does with it beside them. */
export class DeviceFirmware implements OwnFirmware {
  readonly version: string;
  readonly rules: OwnFirmware['rules'];
  readonly keys: OwnFirmware['keys'];
  readonly release: boolean;
  readonly slots: FirmwareSlots;
  readonly book: BootBook;
  readonly config: FirmwareConfig;
  /** Told once, of the order after whose receipt the board is to restart. */
  onRestart: (order: Uint8Array) => void = () => {};
  waiting: string | undefined;
  #restarting = false;

  constructor(
    { version, board, layout, keys, release }: FirmwareDescription,
    slots: FirmwareSlots,
    book: BootBook,
    config: FirmwareConfig,
  ) {
    this.version = version;
    this.rules = { board, layout };
    this.keys = keys.map(publicKeyFromText);
    this.release = release;
    this.slots = slots;
    this.book = book;
    this.config = config;
  }

  /** Whether what runs has proven itself: state may take a format that those before it cannot read. */
  get proven(): boolean {
    const { running } = this.slots;
    return running !== 'recovery' && this.book.record.slots[running].is === 'good';
  }

  get restarting(): boolean {
    return this.#restarting;
  }

  waitsFor(): string | undefined {
    return this.waiting;
  }

  restartAfter(order: Uint8Array): void {
    if (this.#restarting) return;
    this.#restarting = true;
    this.onRestart(order);
  }
}

/** Undefined where this program is none, or its flash is not there: that keeps no device from its work. */
export async function openDeviceFirmware(
  given: Pick<AgentConfig, 'firmware' | 'base'>,
  boardName: string,
  log: LogSink,
): Promise<DeviceFirmware | undefined> {
  const config = firmwareConfig(given.firmware);
  const files = config.image && {
    description: resolve(given.base, config.image.description),
    medium: resolve(given.base, config.image.medium),
    slot: resolve(given.base, config.image.slot),
  };
  const text = await readFile(files?.description ?? fileURLToPath(FIRMWARE_FILE), 'utf8').catch(
    () => undefined,
  );
  if (text === undefined) return undefined;
  try {
    const description = v.parse(firmwareDescription, JSON.parse(text));
    if (description.board !== boardName)
      throw new NsError('NS_FLASH', `the firmware is for ${description.board}, and this is ${boardName}`);
    const { layout, record } = description;
    const slots = await openFirmwareSlots({
      layout,
      record,
      running: await runningSlot(files?.slot ?? SLOT_FILE),
      openPartition:
        files !== undefined
          ? openImage(files.medium, layout)
          : layout.kind === 'nor'
            ? await openMtd(layout)
            : openPartitions(layout),
    });
    return new DeviceFirmware(description, slots, await BootBook.open(slots.record), config);
  } catch (error) {
    log.log('error', 'firmware.unreadable', { error: sentenceOf(error) });
    return undefined;
  }
}

async function runningSlot(path: string): Promise<FirmwareSlots['running']> {
  const slot = (await readFile(path, 'utf8')).trim();
  if (slot === 'a' || slot === 'b') return slot;
  throw new NsError('NS_FLASH', `${path} names no slot`);
}
