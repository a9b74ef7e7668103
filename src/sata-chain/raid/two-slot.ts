import { ByteView, crc32c, NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/**
 * One small record, replaced as a whole whenever the power goes. Two slots side by side; a record goes into the one
 * that does not hold the newest, and counts once it is flushed. A slot, integers little endian: magic (u32), length
 * of the payload (u32), sequence (u64), CRC-32C of the rest of the header and the payload (u32), zero (u32), payload.
 */
const MAGIC = 0x3153_534e;
const HEADER = 24;

export class TwoSlotRecord {
  readonly #device: BlockDevice;
  readonly #slotSize: number;
  #sequence: number;
  #latest: Uint8Array | undefined;

  private constructor(device: BlockDevice, newest: Slot | undefined) {
    this.#device = device;
    this.#slotSize = device.capabilities.size / 2;
    this.#sequence = newest?.sequence ?? 0;
    this.#latest = newest?.payload;
  }

  /** Reads both slots; one that is torn or empty is as if it were not there. */
  static async open(device: BlockDevice): Promise<TwoSlotRecord> {
    const size = device.capabilities.size / 2;
    let newest: Slot | undefined;
    for (const at of [0, size]) {
      const bytes = new Uint8Array(size);
      await device.read(at, bytes);
      const slot = decodeSlot(bytes);
      if (slot !== undefined && slot.sequence > (newest?.sequence ?? 0)) newest = slot;
    }
    return new TwoSlotRecord(device, newest);
  }

  /** The newest payload, or undefined where none was ever whole. */
  get latest(): Uint8Array | undefined {
    return this.#latest;
  }

  /** Durable on return. One at a time. NS_ARRAY_STATE_FULL where it is longer than a slot. */
  async write(payload: Uint8Array): Promise<void> {
    if (payload.byteLength > this.#slotSize - HEADER) {
      throw new NsError('NS_ARRAY_STATE_FULL', `${payload.byteLength} bytes are more than a slot holds`, {
        family: 'bug',
      });
    }
    const sequence = this.#sequence + 1;
    await this.#device.write((sequence % 2) * this.#slotSize, encodeSlot({ sequence, payload }));
    await this.#device.flush();
    // Only now: a write that failed is made again into the same slot, never over the newest.
    this.#sequence = sequence;
    this.#latest = payload;
  }
}

interface Slot {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

function encodeSlot({ sequence, payload }: Slot): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, payload.byteLength, true);
  view.setBigUint64(8, BigInt(sequence), true);
  bytes.set(payload, HEADER);
  view.setUint32(16, checksum(bytes), true);
  return bytes;
}

function decodeSlot(bytes: Uint8Array): Slot | undefined {
  const view = new ByteView(bytes, 'a slot');
  const length = view.u32le(4);
  if (view.u32le(0) !== MAGIC || length > bytes.byteLength - HEADER) return undefined;
  const whole = bytes.subarray(0, HEADER + length);
  if (checksum(whole) !== view.u32le(16)) return undefined;
  return { sequence: view.u64leNumber(8), payload: view.slice(HEADER, length) };
}

const checksum = (slot: Uint8Array): number => crc32c(slot.subarray(HEADER), crc32c(slot.subarray(0, 16)));
