import { concatBytes, type Duration, hasCode, seconds } from '../../base/index.ts';
import type { LineBytes } from '../line-bytes.ts';
import { cancelled, Faults, type LineTransferOptions, PATIENCE } from '../transfer-faults.ts';
import { BYTE, CANCEL, type Check, checkBytes, LARGE_BLOCK, SMALL_BLOCK } from './wire.ts';

export interface XmodemSource {
  readonly size: number;
  /** Fills the whole of `into`. */
  read(offset: number, into: Uint8Array): Promise<void>;
}

const SILENT = 'the receiver does not begin';
const MOST_NOISE = 4096;
/** Some receivers are gone before their last answer has left them. */
const END_WAIT = seconds(2);
const END_TRIES = 3;

/** Every block was acknowledged; the end of the file perhaps not. */
interface XmodemSent {
  readonly endAnswered: boolean;
}

/**
 * Sends a file by XMODEM-1K, to which nothing tells its size: the last block is filled up with SUB. NS_LINE_LOST,
 * NS_LINE_CANCELLED, NS_LINE_STALLED, and what `read` throws: then the receiver is told.
 */
export async function sendXmodem(
  line: LineBytes,
  source: XmodemSource,
  options: LineTransferOptions = {},
): Promise<XmodemSent> {
  const patience = options.patience ?? PATIENCE;
  const faults = new Faults();
  try {
    const check = await begin(line, faults);
    let number = 1;
    for (let at = 0; at < source.size; ) {
      const left = source.size - at;
      const block = new Uint8Array(left > LARGE_BLOCK - SMALL_BLOCK ? LARGE_BLOCK : SMALL_BLOCK).fill(
        BYTE.SUB,
      );
      const content = block.subarray(0, Math.min(left, block.byteLength));
      await source.read(at, content);
      const head = Uint8Array.of(
        block.byteLength === LARGE_BLOCK ? BYTE.STX : BYTE.SOH,
        number,
        255 - number,
      );
      const packet = concatBytes(head, block, checkBytes(block, check));
      do await line.send(packet);
      while (!(await acknowledged(line, patience, faults)));
      faults.progress();
      number = (number + 1) & 0xff;
      at += content.byteLength;
      options.onProgress?.(at);
    }
    return { endAnswered: await ended(line) };
  } catch (error) {
    line.sendLast(CANCEL);
    throw error;
  }
}

/** Whoever has to start the receiver by hand has two minutes; noise counts for nothing. */
async function begin(line: LineBytes, faults: Faults): Promise<Check> {
  for (let noise = 0; noise < MOST_NOISE; noise += 1) {
    const byte = await line.next(PATIENCE);
    if (byte === BYTE.C) return 'crc';
    if (byte === BYTE.NAK) return 'sum';
    if (byte === BYTE.CAN && (await line.next(PATIENCE)) === BYTE.CAN) throw cancelled('the receiver');
    if (byte === undefined) faults.add(SILENT);
  }
  for (;;) faults.add(SILENT);
}

async function ended(line: LineBytes): Promise<boolean> {
  const faults = new Faults();
  try {
    for (let tries = 0; tries < END_TRIES; tries += 1) {
      await line.send(Uint8Array.of(BYTE.EOT));
      if (await acknowledged(line, END_WAIT, faults)) return true;
    }
  } catch (error) {
    if (!hasCode(error, 'NS_LINE_CANCELLED')) throw error;
  }
  return false;
}

async function acknowledged(line: LineBytes, patience: Duration, faults: Faults): Promise<boolean> {
  for (;;) {
    const byte = await line.next(patience);
    if (byte === BYTE.ACK) return true;
    if (byte === BYTE.CAN && (await line.next(patience)) === BYTE.CAN) throw cancelled('the receiver');
    if (byte === BYTE.NAK || byte === undefined) {
      faults.add(byte === undefined ? 'the receiver is silent' : 'blocks are damaged');
      // What else it said of the same block.
      line.drop();
      return false;
    }
  }
}
