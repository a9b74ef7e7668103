import { concatBytes, equalBytes, NsError } from '../../base/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { getFruInventoryAreaInfo } from '../commands/get-fru-inventory-area-info.ts';
import { readFruData } from '../commands/read-fru-data.ts';
import { writeFruData } from '../commands/write-fru-data.ts';
import { isTooMuch, PieceSize } from '../piece-size.ts';

const WRITE_PIECE = 16;

/** All of a FRU device's bytes, in pieces that shrink to what the BMC can send. */
export async function readFruDevice(
  carrier: Carrier,
  device: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { bytes, byWords } = await runCommand(carrier, getFruInventoryAreaInfo, { device }, signal);
  return readRange(carrier, device, 0, bytes, byWords, signal);
}

async function readRange(
  carrier: Carrier,
  device: number,
  from: number,
  to: number,
  byWords: boolean,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const unit = byWords ? 2 : 1;
  const size = new PieceSize();
  const pieces: Uint8Array[] = [];
  for (let at = from; at < to; ) {
    const count = size.upTo(to - at);
    try {
      const piece = await runCommand(
        carrier,
        readFruData,
        { device, offset: at / unit, count: Math.ceil(count / unit) },
        signal,
      );
      if (piece.byteLength === 0 || piece.byteLength % unit !== 0) {
        throw new NsError('NS_IPMI_FRU', `FRU device ${device} ends at byte ${at} of ${to}`, {
          family: 'peer',
        });
      }
      pieces.push(piece.subarray(0, to - at));
      at += piece.byteLength;
    } catch (error) {
      if (!isTooMuch(error) || !size.shrink(count)) throw error;
    }
  }
  return concatBytes(...pieces);
}

/**
 * Brings a FRU device to these bytes, from its beginning on: only what differs is written, and all of it read back. What is
 * behind them stays. NS_IPMI_FRU where the device is smaller, or holds something else afterwards; asked for again, it
 * goes on where it was.
 */
export async function writeFruDevice(
  carrier: Carrier,
  device: number,
  wanted: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { bytes, byWords } = await runCommand(carrier, getFruInventoryAreaInfo, { device }, signal);
  const unit = byWords ? 2 : 1;
  if (wanted.byteLength > bytes || wanted.byteLength % unit !== 0) {
    throw new NsError('NS_IPMI_FRU', `FRU device ${device} has ${bytes} bytes, not ${wanted.byteLength}`, {
      family: 'caller',
    });
  }
  const before = await readRange(carrier, device, 0, wanted.byteLength, byWords, signal);
  for (let at = 0; at < wanted.byteLength; ) {
    const data = wanted.subarray(at, at + WRITE_PIECE);
    if (equalBytes(data, before.subarray(at, at + data.byteLength))) {
      at += data.byteLength;
      continue;
    }
    const written = await runCommand(carrier, writeFruData, { device, offset: at / unit, data }, signal);
    if (written === 0 || written * unit > data.byteLength) {
      throw new NsError(
        'NS_IPMI_FRU',
        `FRU device ${device} took ${written} of a piece of ${data.byteLength}`,
        {
          family: 'peer',
        },
      );
    }
    at += written * unit;
  }
  const after = await readRange(carrier, device, 0, wanted.byteLength, byWords, signal);
  if (!equalBytes(after, wanted)) {
    throw new NsError('NS_IPMI_FRU', `FRU device ${device} does not hold what was written`, {
      family: 'peer',
    });
  }
}
