import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openImage } from '../../src/adapters/linux/firmware-image.ts';
import { type OpenPartition, openFirmwareSlots } from '../../src/adapters/linux/firmware-slots.ts';
import { toHex } from '../../src/base/index.ts';
import type { FlashLayout } from '../../src/board/index.ts';
import {
  BLANK_RECORD,
  BOOT_RECORD_BYTES,
  BootBook,
  beginTrial,
  chooseSlot,
  confirm,
  type FirmwareDescription,
  newestBootRecord,
  type Slot,
  writeBootRecord,
} from '../../src/firmware/index.ts';
import type { FirmwareSlots, KeyStore } from '../../src/ports/index.ts';
import { publicKeyText } from '../../src/security/index.ts';

const KiB = 1024;

/** Of places and sizes in a layout. */
const unitOf = ({ eraseSize }: Pick<FlashLayout, 'eraseSize'>): number => Math.max(4096, eraseSize);

/** nor-64m and emmc-ab in small: the same partitions, with slots of some chunks. */
export function smallLayout(
  kind: 'nor' | 'emmc',
  slotBytes = 192 * KiB,
  eraseSize = kind === 'nor' ? 4096 : 512,
): FlashLayout {
  const unit = unitOf({ eraseSize });
  const holds = kind === 'nor' ? 'app' : 'root';
  const name = kind === 'nor' ? 'app' : 'rofs';
  return {
    name: `small-${kind}`,
    title: 'for tests',
    kind,
    size: Math.max(1024 * KiB, 16 * unit + 2 * slotBytes),
    eraseSize,
    partitions: [
      { name: 'u-boot-env', offset: unit, size: 4 * unit, holds: 'environment' },
      { name: `${name}-a`, offset: 8 * unit, size: slotBytes, holds, slot: 'a' },
      { name: `${name}-b`, offset: 8 * unit + slotBytes, size: slotBytes, holds, slot: 'b' },
      { name: 'rwfs', offset: 8 * unit + 2 * slotBytes, size: unit, holds: 'state' },
    ],
  };
}

/** The power goes in the middle of an operation on the medium, which does so much of its work. */
export interface FlashCut {
  /** Counted from 1. */
  readonly operation: number;
  readonly share: 'none' | 'half' | 'all';
}

export class PowerGone extends Error {}

/** A board's flash in a file, with one proven firmware in slot a, and what boots from it. */
export class FlashBench {
  readonly layout: FlashLayout;
  readonly description: FirmwareDescription;
  readonly medium: string;
  readonly descriptionFile: string;
  readonly slotFile: string;
  /** Writes and erases so far, an erase block counting as one. */
  operations = 0;
  cut: FlashCut | undefined;
  /** A byte of which a bit does not keep what is written. */
  stuck: { readonly partition: string; readonly at: number } | undefined;
  /** Called before each operation; what it throws the medium says. */
  onOperation: (what: 'erase' | 'write', partition: string) => void = () => {};
  #gone = false;

  private constructor(directory: string, layout: FlashLayout, description: FirmwareDescription) {
    this.layout = layout;
    this.description = description;
    this.medium = join(directory, 'flash.img');
    this.descriptionFile = join(directory, 'firmware.json');
    this.slotFile = join(directory, 'slot');
  }

  static async make(
    directory: string,
    layout: FlashLayout,
    first: Uint8Array,
    keys: readonly KeyStore[],
    more: Partial<Pick<FirmwareDescription, 'board' | 'release' | 'version' | 'rollback'>> = {},
  ): Promise<FlashBench> {
    const description: FirmwareDescription = {
      v: 1,
      board: 'sim-host',
      version: '1.0.0',
      rollback: 0,
      layout,
      keys: keys.map(({ publicKey }) => publicKeyText(publicKey)),
      release: false,
      record: { partition: 'u-boot-env', offset: 2 * unitOf(layout), step: unitOf(layout) },
      ...more,
    };
    const bench = new FlashBench(directory, layout, description);
    await writeFile(bench.descriptionFile, JSON.stringify(description));
    await writeFile(bench.slotFile, 'a\n');
    const image = new Uint8Array(layout.size).fill(layout.kind === 'nor' ? 0xff : 0);
    const at = (name: string) => layout.partitions.find((part) => part.name === name)?.offset ?? 0;
    image.set(first, bench.#partition('a').offset);
    const { version, rollback } = description;
    const sha256 = toHex(createHash('sha256').update(first).digest());
    const record = confirm(
      beginTrial(BLANK_RECORD, 'a', { version, rollback, size: first.byteLength, sha256 }),
      'a',
    );
    image.set(writeBootRecord(record), at('u-boot-env') + description.record.offset);
    await writeFile(bench.medium, image);
    return bench;
  }

  #partition(slot: Slot) {
    const found = this.layout.partitions.find((part) => part.slot === slot);
    if (found === undefined) throw new Error(`no slot ${slot}`);
    return found;
  }

  /** Power is back. */
  restore(cut?: FlashCut): void {
    this.#gone = false;
    this.cut = cut;
    this.operations = 0;
  }

  async open(running: FirmwareSlots['running']): Promise<FirmwareSlots> {
    return openFirmwareSlots({
      layout: this.layout,
      record: this.description.record,
      running,
      openPartition: async (name) => this.#watched(name, await openImage(this.medium, this.layout)(name)),
    });
  }

  /**
   * What the first program of a board does (flash/initramfs/init): chooses by the record and what the slots hold, writes the
   * record first, and starts. The bytes that are started, too.
   */
  async boot(): Promise<{ readonly start: Slot | 'recovery'; readonly bytes: Uint8Array }> {
    const before = await this.copies();
    const image = await readFile(this.medium);
    const held = (slot: Slot, size: number): Uint8Array => {
      const { offset } = this.#partition(slot);
      return image.subarray(offset, offset + size);
    };
    const found = newestBootRecord(before);
    if (found === undefined) return { start: 'recovery', bytes: new Uint8Array() };
    const choice = chooseSlot(found.record, (slot) => {
      const state = found.record.slots[slot];
      return (
        (state.is === 'good' || state.is === 'trying') &&
        toHex(createHash('sha256').update(held(slot, state.size)).digest()) === state.sha256
      );
    });
    const slots = await this.open(choice.start);
    try {
      const book = await BootBook.open(slots.record);
      await book.change(() => (choice.record === found.record ? book.record : choice.record));
    } finally {
      await slots.close();
    }
    if (choice.start === 'recovery') return { start: 'recovery', bytes: new Uint8Array() };
    const state = choice.record.slots[choice.start];
    await writeFile(this.slotFile, `${choice.start}\n`);
    const size = 'size' in state ? state.size : 0;
    return { start: choice.start, bytes: held(choice.start, size).slice() };
  }

  /** Both copies of the boot record as they lie there. */
  async copies(): Promise<[Uint8Array, Uint8Array]> {
    const { record } = this.description;
    const start = this.layout.partitions.find(({ name }) => name === record.partition)?.offset ?? 0;
    const image = await readFile(this.medium);
    const copy = (index: number): Uint8Array => {
      const at = start + record.offset + index * record.step;
      return new Uint8Array(image.subarray(at, at + BOOT_RECORD_BYTES));
    };
    return [copy(0), copy(1)];
  }

  /** Changes one bit of a slot. */
  async flip(slot: Slot, at: number): Promise<void> {
    const file = await open(this.medium, 'r+');
    const byte = new Uint8Array(1);
    const place = this.#partition(slot).offset + at;
    await file.read(byte, 0, 1, place);
    await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, place);
    await file.close();
  }

  #watched(name: string, partition: OpenPartition): OpenPartition {
    const step = async (
      what: 'erase' | 'write',
      length: number,
      act: (length: number) => Promise<void>,
    ): Promise<void> => {
      if (this.#gone) throw new PowerGone('there is no power');
      this.onOperation(what, name);
      this.operations += 1;
      if (this.cut?.operation !== this.operations) return act(length);
      this.#gone = true;
      if (this.cut.share === 'all') await act(length);
      if (this.cut.share === 'half') await act(Math.floor(length / 2));
      throw new PowerGone('the power is cut');
    };
    const { kind, eraseSize } = this.layout;
    return {
      ...partition,
      // A block that was being erased holds ones up to somewhere.
      erase: async (offset, length) => {
        for (let at = offset; at < offset + length && kind === 'nor'; at += eraseSize) {
          const block = Math.min(eraseSize, offset + length - at);
          await step('erase', block, async (part) => {
            if (part === block) return partition.erase(at, block);
            await this.#raw(name, at, new Uint8Array(part).fill(0xff));
          });
        }
      },
      write: (offset, data) =>
        step('write', data.byteLength, (part) => partition.write(offset, data.subarray(0, part))),
      read: async (offset, into) => {
        if (this.#gone) throw new PowerGone('there is no power');
        await partition.read(offset, into);
        const at = this.stuck?.partition === name ? this.stuck.at - offset : -1;
        if (at >= 0 && at < into.byteLength) into[at] = (into[at] ?? 0) ^ 1;
      },
      flush: async () => {
        if (this.#gone) throw new PowerGone('there is no power');
      },
    };
  }

  async #raw(name: string, offset: number, data: Uint8Array): Promise<void> {
    const start = this.layout.partitions.find((part) => part.name === name)?.offset ?? 0;
    const file = await open(this.medium, 'r+');
    await file.write(data, 0, data.byteLength, start + offset);
    await file.close();
  }
}
