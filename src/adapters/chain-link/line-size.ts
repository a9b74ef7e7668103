import { PACKET_OVERHEAD } from '../../sata-chain/index.ts';

const ENDS = 2;
const HELLOS = 256;

/** Bytes that a frame takes on a line where every one of them must be escaped. */
export function worstOnLine(largestFrame: number): number {
  return 2 * (largestFrame + PACKET_OVERHEAD) + ENDS;
}

/** What a line's buffer must hold so that any frame fits where half of it is free, with hellos beside it. */
export function lineBuffer(largestFrame: number): number {
  return 2 * worstOnLine(largestFrame) + HELLOS;
}
