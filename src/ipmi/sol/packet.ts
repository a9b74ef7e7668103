import { ByteView, concatBytes, NsError } from '../../base/index.ts';

/** A payload of Serial over LAN (IPMI 2.0, table 15-2). */
export interface SolPacket {
  /** 1-15; 0 for one that is not acknowledged: an acknowledgement, or flags alone. */
  readonly number: number;
  /** The packet of the other side that is acknowledged, or 0. */
  readonly acked: number;
  /** How many of its characters were taken. */
  readonly accepted: number;
  /** SOL_NACK, and bits of SOL_OPERATION towards the BMC, of SOL_STATUS from it. */
  readonly flags: number;
  readonly characters: Uint8Array;
}

/** In both directions: what is acknowledged was not taken, or only its beginning. */
export const SOL_NACK = 0x40;

/** What the console asks of the BMC. */
export const SOL_OPERATION = {
  ringWakeUp: 0x20,
  sendBreak: 0x10,
  /** The BMC sends no characters until a packet comes without it. */
  pause: 0x08,
  dropCarrier: 0x04,
  /** Drops what still waits for the host. */
  flushInbound: 0x02,
  /** Drops what still waits for the console. */
  flushOutbound: 0x01,
} as const;

/** What the BMC tells the console. */
export const SOL_STATUS = {
  /** The host takes and gives no characters now. */
  unavailable: 0x20,
  deactivating: 0x10,
  /** Characters of the host were lost since the last packet. */
  overrun: 0x08,
  breakSeen: 0x04,
} as const;

export const SOL_HEADER = 4;
/** The number of accepted characters is one byte. */
export const MOST_CHARACTERS = 255;
const NUMBER = 0x0f;

export function encodeSol({ number, acked, accepted, flags, characters }: SolPacket): Uint8Array {
  return concatBytes(Uint8Array.of(number, acked, accepted, flags), characters);
}

/** NS_BYTES_SHORT where the header is cut; NS_IPMI_PAYLOAD for characters without a number, and too many. */
export function decodeSol(bytes: Uint8Array): SolPacket {
  const view = new ByteView(bytes, 'a SOL packet');
  const number = view.u8(0) & NUMBER;
  const characters = view.slice(SOL_HEADER, bytes.byteLength - SOL_HEADER);
  const bad = characters.byteLength > MOST_CHARACTERS || (number === 0 && characters.byteLength > 0);
  if (bad) throw new NsError('NS_IPMI_PAYLOAD', 'a SOL packet that breaks the format', { family: 'peer' });
  return { number, acked: view.u8(1) & NUMBER, accepted: view.u8(2), flags: view.u8(3), characters };
}
