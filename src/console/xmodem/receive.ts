import { type Duration, equalBytes, milliseconds, seconds } from '../../base/index.ts';
import type { LineBytes } from '../line-bytes.ts';
import { cancelled, Faults, type LineTransferOptions, PATIENCE } from '../transfer-faults.ts';
import { BYTE, CANCEL, checkBytes, LARGE_BLOCK, SMALL_BLOCK } from './wire.ts';

export interface XmodemSink {
  /** In order, without gaps; the last of them is filled up with SUB. */
  write(offset: number, content: Uint8Array): Promise<void>;
}

/** How often a sender is called that may still have to be started by hand. */
const CALL: Duration = seconds(3);
const CALLS = 20;
/** Between two bytes of a block. */
const BYTE_WAIT: Duration = seconds(1);
const QUIET: Duration = milliseconds(200);

/**
 * Receives a file by XMODEM or XMODEM-1K with CRC-16. How many bytes came: the sender does not tell the file's size, so that
 * up to 1023 of them may be filling. NS_LINE_LOST, NS_LINE_CANCELLED, NS_LINE_STALLED, and what the sink throws: then the
 * sender is told.
 */
export async function receiveXmodem(
  line: LineBytes,
  sink: XmodemSink,
  options: LineTransferOptions = {},
): Promise<number> {
  const patience = options.patience ?? PATIENCE;
  const faults = new Faults();
  try {
    let first = await call(line, faults);
    let at = 0;
    for (let number = 1; ; ) {
      if (first === BYTE.EOT) {
        await line.send(Uint8Array.of(BYTE.ACK));
        return at;
      }
      if (first === BYTE.CAN && (await line.next(BYTE_WAIT)) === BYTE.CAN) throw cancelled('the sender');
      const block = first === BYTE.SOH || first === BYTE.STX ? await readBlock(line, first) : undefined;
      if (block?.number === number) {
        await sink.write(at, block.content);
        at += block.content.byteLength;
        number = (number + 1) & 0xff;
        faults.progress();
        options.onProgress?.(at);
        await line.send(Uint8Array.of(BYTE.ACK));
      } else if (block !== undefined && block.number === ((number - 1) & 0xff) && at > 0) {
        // Our acknowledgement was lost.
        faults.add('the sender sends the same block again and again');
        await line.send(Uint8Array.of(BYTE.ACK));
      } else {
        faults.add(first === undefined ? 'the sender is silent' : 'blocks are damaged');
        await silence(line);
        await line.send(Uint8Array.of(BYTE.NAK));
      }
      first = await line.next(patience);
    }
  } catch (error) {
    line.sendLast(CANCEL);
    throw error;
  }
}

/** The first byte of what a sender says. */
async function call(line: LineBytes, faults: Faults): Promise<number | undefined> {
  for (let calls = 0; calls < CALLS; calls += 1) {
    await line.send(Uint8Array.of(BYTE.C));
    const byte = await line.next(CALL);
    if (byte === BYTE.SOH || byte === BYTE.STX || byte === BYTE.EOT || byte === BYTE.CAN) return byte;
    // Noise, and the echo of a terminal.
    if (byte !== undefined) await silence(line);
  }
  for (;;) faults.add('the sender does not begin');
}

async function readBlock(
  line: LineBytes,
  first: number,
): Promise<{ readonly number: number; readonly content: Uint8Array } | undefined> {
  const number = await line.next(BYTE_WAIT);
  const inverse = await line.next(BYTE_WAIT);
  if (number === undefined || inverse !== 255 - number) return undefined;
  const content = new Uint8Array(first === BYTE.STX ? LARGE_BLOCK : SMALL_BLOCK);
  const check = new Uint8Array(2);
  for (const part of [content, check]) {
    for (let i = 0; i < part.byteLength; i += 1) {
      const byte = await line.next(BYTE_WAIT);
      if (byte === undefined) return undefined;
      part[i] = byte;
    }
  }
  return equalBytes(checkBytes(content, 'crc'), check) ? { number, content } : undefined;
}

/** Until the rest of what was hit is over; a sender that never pauses is cut short. */
async function silence(line: LineBytes): Promise<void> {
  for (let i = 0; i < 4 * LARGE_BLOCK && (await line.next(QUIET)) !== undefined; ) i += 1;
  line.drop();
}
