import * as v from 'valibot';
import { refuse, type Verdict } from '../base/index.ts';
import { encode } from './cbor.ts';
import { readCbor } from './customs.ts';
import { bytesUpTo, LIMITS } from './fields.ts';
import { parseMessage } from './parse.ts';

/** In one message; the size of the message is another bound. */
const MOST_TOKENS = 512;

/**
 * What one device tells all others: tokens of the fleet's budget that it has seen, as they travel. Not signed by the
 * device, on purpose: each token proves itself, so it does not matter who passes it on.
 */
const seenMessage = v.strictObject({
  v: v.literal(1),
  tokens: v.pipe(v.array(bytesUpTo(LIMITS.token)), v.maxLength(MOST_TOKENS)),
});

export type SeenMessage = v.InferOutput<typeof seenMessage>;

/** Bytes around the tokens, at most; and around each of them. */
const FRAME = 16;
const TOKEN_FRAME = 3;

/** As many of the tokens as one message has room for, from the first on. */
export function seenThatFit(tokens: readonly Uint8Array[]): readonly Uint8Array[] {
  let room = LIMITS.seen - FRAME;
  const past = tokens.findIndex((token) => {
    room -= token.byteLength + TOKEN_FRAME;
    return room < 0;
  });
  return tokens.slice(0, Math.min(past < 0 ? tokens.length : past, MOST_TOKENS));
}

/** True where one more token, of whatever size, might not have fitted: its sender may know more. */
export function isFullSeen({ tokens }: SeenMessage): boolean {
  return tokens.length >= MOST_TOKENS || seenThatFit([...tokens, LARGEST]).length <= tokens.length;
}

const LARGEST = new Uint8Array(LIMITS.token);

export function encodeSeen(tokens: readonly Uint8Array[]): Uint8Array {
  return encode(v.parse(seenMessage, { v: 1, tokens })).slice();
}

/** PACKET_TOO_LARGE, CBOR_INVALID or MESSAGE_INVALID. Tokens are views of the packet, and not judged. */
export function decodeSeen(packet: Uint8Array): Verdict<SeenMessage> {
  if (packet.byteLength > LIMITS.seen) {
    return refuse(
      'PACKET_TOO_LARGE',
      `A message of ${packet.byteLength} bytes about tokens; ${LIMITS.seen} at most.`,
    );
  }
  const item = readCbor(packet, { maxDepth: 2, maxItems: MOST_TOKENS + 16, maxMapKeys: 4 });
  return item.ok ? parseMessage(seenMessage, item.value) : item;
}
