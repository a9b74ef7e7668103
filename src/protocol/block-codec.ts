import { refuse, type Verdict } from '../base/index.ts';
import { type BlockMessage, blockMessage } from './block.ts';
import { encode } from './cbor.ts';
import { readCbor } from './customs.ts';
import { LIMITS } from './fields.ts';
import { parseMessage } from './parse.ts';

export function encodeBlock(message: BlockMessage): Uint8Array {
  return encode(message);
}

/** PACKET_TOO_LARGE, CBOR_INVALID or MESSAGE_INVALID. Chunk data is a view of the packet. */
export function decodeBlock(packet: Uint8Array): Verdict<BlockMessage> {
  if (packet.byteLength > LIMITS.block) {
    return refuse(
      'PACKET_TOO_LARGE',
      `A block message of ${packet.byteLength} bytes; ${LIMITS.block} at most.`,
    );
  }
  const item = readCbor(packet, { maxDepth: 3, maxItems: 128, maxMapKeys: 8 });
  return item.ok ? parseMessage(blockMessage, item.value) : item;
}
