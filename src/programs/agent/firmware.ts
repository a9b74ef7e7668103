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
import { FIRMWARE_FILE, SLOT_FILE } from './firmware-file.ts';

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

  get onTrial(): boolean {
    const { running } = this.slots;
    return running !== 'recovery' && this.book.record.slots[running].is === 'trying';
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

/** Firmware that cannot tell whether it is on trial. */
export class BlindFirmware {
  readonly running: FirmwareSlots['running'] | undefined;
  readonly config: FirmwareConfig;
  /** State keeps the format that it has. */
  readonly proven = false;

  constructor(running: FirmwareSlots['running'] | undefined, config: FirmwareConfig) {
    this.running = running;
    this.config = config;
  }
}

/**
 * Undefined where this program is none; what became of it is not known where its flash, its description or the word of which
 * slot runs cannot be read. That keeps no device from its work.
 */
export async function openDeviceFirmware(
  given: Pick<AgentConfig, 'firmware' | 'base'>,
  boardName: string,
  log: LogSink,
): Promise<DeviceFirmware | BlindFirmware | undefined> {
  const config = firmwareConfig(given.firmware);
  const files = config.image && {
    description: resolve(given.base, config.image.description),
    medium: resolve(given.base, config.image.medium),
    slot: resolve(given.base, config.image.slot),
  };
  const text = await readFile(files?.description ?? fileURLToPath(FIRMWARE_FILE), 'utf8').catch(
    () => undefined,
  );
  const slotFile = files?.slot ?? SLOT_FILE;
  const running = await runningSlot(slotFile).catch(() => undefined);
  if (text === undefined && running === undefined) return undefined;
  try {
    if (text === undefined) throw new NsError('NS_FLASH', 'this firmware has no description of itself');
    if (running === undefined) throw new NsError('NS_FLASH', `${slotFile} names no slot`);
    const description = v.parse(firmwareDescription, JSON.parse(text));
    if (description.board !== boardName)
      throw new NsError('NS_FLASH', `the firmware is for ${description.board}, and this is ${boardName}`);
    const { layout, record } = description;
    const slots = await openFirmwareSlots({
      layout,
      record,
      running,
      openPartition:
        files !== undefined
          ? openImage(files.medium, layout)
          : layout.kind === 'nor'
            ? await openMtd(layout)
            : openPartitions(layout),
    });
    const book = await BootBook.open(slots.record).catch(async (error: unknown) => {
      await slots.close();
      throw error;
    });
    return new DeviceFirmware(description, slots, book, config);
  } catch (error) {
    log.log('error', 'firmware.unreadable', { error: sentenceOf(error) });
    return new BlindFirmware(running, config);
  }
}

async function runningSlot(path: string): Promise<FirmwareSlots['running'] | undefined> {
  const slot = (await readFile(path, 'utf8')).trim();
  return slot === 'a' || slot === 'b' ? slot : undefined;
}
