/**
 * What an ordered channel puts into a frame. Numbers are big-endian: flags, the sender's incarnation, the number of this
 * segment, then what the sender has of the other end: its incarnation, the next segment awaited, and a bit for each of
 * the 32 behind that one which is here already.
 */
export interface Segment {
  /** Absent where the segment only says how things stand. */
  readonly data?: SegmentData;
  readonly from: number;
  /** 0: not known, and then `next` and `here` say nothing. */
  readonly to: number;
  readonly next: number;
  readonly here: number;
  /** False while the sender has not heard that the other end knows it: answer. */
  readonly joined: boolean;
}

export interface SegmentData {
  readonly sequence: number;
  /** False: the message goes on in the next segment. */
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

const DATA = 1;
const LAST = 2;
const JOINED = 4;
export const SEGMENT_HEADER = 21;

export function encodeSegment({ data, from, to, next, here, joined }: Segment): Uint8Array {
  const out = new Uint8Array(SEGMENT_HEADER + (data?.bytes.length ?? 0));
  const view = new DataView(out.buffer);
  out[0] = (data === undefined ? 0 : DATA | (data.last ? LAST : 0)) | (joined ? JOINED : 0);
  view.setUint32(1, from);
  view.setUint32(5, data?.sequence ?? 0);
  view.setUint32(9, to);
  view.setUint32(13, next);
  view.setUint32(17, here);
  if (data !== undefined) out.set(data.bytes, SEGMENT_HEADER);
  return out;
}

/** Undefined for what is no segment. The data are a view. */
export function decodeSegment(bytes: Uint8Array): Segment | undefined {
  const flags = bytes[0]!;
  if (bytes.length < SEGMENT_HEADER || flags > (DATA | LAST | JOINED)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = {
    from: view.getUint32(1),
    to: view.getUint32(9),
    next: view.getUint32(13),
    here: view.getUint32(17),
    joined: (flags & JOINED) !== 0,
  };
  if ((flags & DATA) === 0) return bytes.length === SEGMENT_HEADER && (flags & LAST) === 0 ? head : undefined;
  const last = (flags & LAST) !== 0;
  return { ...head, data: { sequence: view.getUint32(5), last, bytes: bytes.subarray(SEGMENT_HEADER) } };
}
