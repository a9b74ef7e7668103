import { createHash } from 'node:crypto';
import { ByteView, concatBytes, fromUtf8, NsError, utf8 } from '../../base/index.ts';

/** Whoever has a live network. */
export const ANY_GATEWAY = '*';

/**
 * What travels from unit to unit for a neighbour without a network: the packet, untouched, and where it belongs.
 * Nothing here is proof of anything; whoever opens the packet judges it as if it had come from a broker.
 */
export interface Envelope {
  readonly kind: 'order' | 'event' | 'seen';
  /** Device names. */
  readonly from: string;
  /** A device name, or ANY_GATEWAY. */
  readonly to: string;
  /** Seconds since 1970 by the sender's clock: for people only. */
  readonly created: number;
  /** Eight random bytes: the same packet sent twice is two envelopes. */
  readonly nonce: Uint8Array;
  readonly packet: Uint8Array;
  /** Units that it may still pass. */
  readonly hops: number;
  /** Seconds that it may still be on its way; each unit takes off what it stayed there, and at least one. */
  readonly ttl: number;
}

export type RelayMessage =
  | { readonly is: 'offer'; readonly envelope: Envelope }
  /** `kept`: it is in safe hands there, or was before. `later`: no room now. `never`: it ends there. */
  | { readonly is: 'answer'; readonly id: Uint8Array; readonly verdict: RelayVerdict };

export type RelayVerdict = 'kept' | 'later' | 'never';

/** Bytes of a signed packet: an event with its receipt is the largest. */
export const LARGEST_PACKET: number = 96 * 1024;
export const MOST_HOPS = 64;
/** A day. */
export const LONGEST_TTL = 86_400;

const VERSION = 1;
const OFFER = 1;
const ANSWER = 2;
const KINDS = ['order', 'event', 'seen'] as const;
const VERDICTS = ['kept', 'later', 'never'] as const;
const ID_BYTES = 16;
const NONCE_BYTES = 8;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const FIXED = 24;
const LONGEST_NAME = 63;

/** Bytes of the largest message between two units. */
export const LARGEST_RELAY_MESSAGE: number = FIXED + 2 * LONGEST_NAME + LARGEST_PACKET;

/**
 * Sixteen bytes of a SHA-256 over all but what changes on the way. So nobody can make another envelope that neighbours
 * would take for one seen before.
 */
export function envelopeId(envelope: Envelope): Uint8Array {
  return new Uint8Array(createHash('sha256').update(content(envelope)).digest().subarray(0, ID_BYTES));
}

function content({ kind, from, to, created, nonce, packet }: Envelope): Uint8Array {
  const names = [from, to].map((name) => utf8(name));
  const head = new Uint8Array(1 + 6 + NONCE_BYTES + 2);
  const view = new DataView(head.buffer);
  head[0] = KINDS.indexOf(kind);
  view.setUint16(1, Math.floor(created / 2 ** 32));
  view.setUint32(3, created % 2 ** 32);
  head.set(nonce, 7);
  head[15] = names[0]!.length;
  head[16] = names[1]!.length;
  return concatBytes(head, ...names, packet);
}

export function encodeRelayMessage(message: RelayMessage): Uint8Array {
  if (message.is === 'answer') {
    return concatBytes(Uint8Array.of(ANSWER, VERDICTS.indexOf(message.verdict)), message.id);
  }
  const { envelope } = message;
  const head = new Uint8Array(7);
  const view = new DataView(head.buffer);
  head[0] = OFFER;
  head[1] = VERSION;
  head[2] = envelope.hops;
  view.setUint32(3, envelope.ttl);
  return concatBytes(head, content(envelope));
}

/** Undefined for what is no message, or one that breaks a bound. The packet is a copy. */
export function decodeRelayMessage(bytes: Uint8Array): RelayMessage | undefined {
  try {
    return bytes[0] === ANSWER ? decodeAnswer(bytes) : decodeOffer(new ByteView(bytes, 'a relay message'));
  } catch (error) {
    if (error instanceof NsError && error.code === 'NS_BYTES_SHORT') return undefined;
    throw error;
  }
}

function decodeAnswer(bytes: Uint8Array): RelayMessage | undefined {
  const verdict = VERDICTS[bytes[1]!];
  if (bytes.length !== 2 + ID_BYTES || verdict === undefined) return undefined;
  return { is: 'answer', id: bytes.slice(2), verdict };
}

function decodeOffer(view: ByteView): RelayMessage | undefined {
  if (view.u8(0) !== OFFER || view.u8(1) !== VERSION) return undefined;
  const kind = KINDS[view.u8(7)];
  const fromEnd = FIXED + view.u8(22);
  const toEnd = fromEnd + view.u8(23);
  const from = fromUtf8(view.slice(FIXED, view.u8(22)));
  const to = fromUtf8(view.slice(fromEnd, view.u8(23)));
  const envelope = {
    hops: view.u8(2),
    ttl: view.u32be(3),
    created: view.u16be(8) * 2 ** 32 + view.u32be(10),
    nonce: view.slice(14, NONCE_BYTES).slice(),
    packet: view.slice(toEnd, view.length - toEnd).slice(),
  };
  if (kind === undefined || from === undefined || to === undefined) return undefined;
  const whole = { ...envelope, kind, from, to };
  return isSound(whole) ? { is: 'offer', envelope: whole } : undefined;
}

/** Within all bounds. */
export function isSound({ from, to, hops, ttl, packet, created, nonce }: Envelope): boolean {
  return (
    NAME.test(from) &&
    (NAME.test(to) || to === ANY_GATEWAY) &&
    hops <= MOST_HOPS &&
    ttl <= LONGEST_TTL &&
    packet.length <= LARGEST_PACKET &&
    nonce.length === NONCE_BYTES &&
    Number.isSafeInteger(created) &&
    created >= 0 &&
    created < 2 ** 48
  );
}
