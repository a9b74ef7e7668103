import type { Lba } from '../target.ts';

/** READ LOG EXT page 10h: which command of the queue failed (SATA 3.0 13.7.1.4). */
export const QUEUE_ERROR_LOG = 0x10;
export const LOG_BYTES = 512;

export interface QueueError {
  /** Undefined where the error was not one of a queued command. */
  readonly tag: number | undefined;
  readonly error: number;
  readonly lba: Lba;
}

export function encodeQueueError({ tag, error, lba }: QueueError): Uint8Array {
  const page = new Uint8Array(LOG_BYTES);
  const view = new DataView(page.buffer);
  page[0] = tag === undefined ? 0x80 : tag & 0x1f;
  page[2] = 0x41;
  page[3] = error;
  view.setUint32(4, lba % 0x100_0000, true);
  page[7] = 0x40;
  view.setUint32(8, Math.floor(lba / 0x100_0000), true);
  let sum = 0;
  for (const byte of page) sum += byte;
  page[LOG_BYTES - 1] = -sum & 0xff;
  return page;
}

/** Undefined where the page is not one, or its checksum is wrong. */
export function decodeQueueError(page: Uint8Array): QueueError | undefined {
  if (page.byteLength !== LOG_BYTES) return undefined;
  let sum = 0;
  for (const byte of page) sum += byte;
  if ((sum & 0xff) !== 0) return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return {
    tag: (page[0]! & 0x80) === 0 ? page[0]! & 0x1f : undefined,
    error: page[3]!,
    lba: (view.getUint32(4, true) & 0xff_ffff) + (view.getUint32(8, true) & 0xff_ffff) * 0x100_0000,
  };
}
