import { crc32c, NsError } from '../../base/index.ts';
import type { ChainChannel, ChainFrame } from '../../ports/index.ts';

/**
 * A link frame on a line of bytes: version, kind, who sends, for whom, how manyth, content, CRC-32C over all before.
 * Numbers are big-endian.
 */
export interface LinkPacket {
  readonly kind: 'hello' | ChainChannel;
  /** The sender's session: another one each time that it found itself disconnected; never 0. */
  readonly from: number;
  /** The receiver's session as the sender knows it; 0 where it knows none. */
  readonly to: number;
  /** Rises with every packet of a session, from 1. */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

const VERSION = 1;
const KINDS = ['hello', 'signal', 'fis', 'state', 'relay'] as const;
const HEADER = 14;
const CRC = 4;

/** Bytes that a frame grows by before escaping. */
export const PACKET_OVERHEAD: number = HEADER + CRC;

export function encodePacket(packet: LinkPacket): Uint8Array {
  const { bytes } = packet;
  const out = new Uint8Array(HEADER + bytes.length + CRC);
  const view = new DataView(out.buffer);
  out[0] = VERSION;
  out[1] = KINDS.indexOf(packet.kind);
  view.setUint32(2, packet.from);
  view.setUint32(6, packet.to);
  view.setUint32(10, packet.sequence);
  out.set(bytes, HEADER);
  view.setUint32(HEADER + bytes.length, crc32c(out.subarray(0, HEADER + bytes.length)));
  return out;
}

/** Undefined for what is no packet of this version: too short, wrong CRC, unknown kind. The content is a view. */
export function decodePacket(packet: Uint8Array): LinkPacket | undefined {
  if (packet.length < PACKET_OVERHEAD) return undefined;
  const end = packet.length - CRC;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (view.getUint32(end) !== crc32c(packet.subarray(0, end))) return undefined;
  const kind = KINDS[packet[1]!];
  if (packet[0] !== VERSION || kind === undefined) return undefined;
  return {
    kind,
    from: view.getUint32(2),
    to: view.getUint32(6),
    sequence: view.getUint32(10),
    bytes: packet.subarray(HEADER, end),
  };
}

/** NS_LINK_FRAME (family caller) where the frame is larger than the link takes. */
export function checkFrameSize(frame: ChainFrame, largest: number, link: string): void {
  if (frame.bytes.length <= largest) return;
  throw new NsError('NS_LINK_FRAME', `${link} takes ${largest} bytes a frame, not ${frame.bytes.length}`, {
    family: 'caller',
  });
}
