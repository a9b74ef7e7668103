import * as v from 'valibot';

/** Chunk size of a file.download, and the largest an offer may name. */
export const CHUNK_BYTES = 64 * 1024;

/** Limits that hold for every message. Sizes in bytes. */
export const LIMITS = {
  /** An order with its envelope. */
  order: 32 * 1024,
  /** An event or receipt with its envelope. */
  event: 96 * 1024,
  /** A block message: 96 KiB of data at most, and its frame. */
  block: 97 * 1024,
  blockData: 96 * 1024,
  /** A signed token of the fleet's budget. */
  token: 512,
  /** What a device tells of tokens. */
  seen: 64 * 1024,
  path: 4096,
  text: 1024,
} as const;

/** A byte string of any length that the message's cap allows. */
export const anyBytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');

export const bytesOf = (length: number) =>
  v.pipe(
    anyBytes,
    v.check((b) => b.byteLength === length, `must be ${length} bytes`),
  );
export const bytesUpTo = (length: number) =>
  v.pipe(
    anyBytes,
    v.check((b) => b.byteLength <= length, `must be at most ${length} bytes`),
  );

export const text = (max: number = LIMITS.text) => v.pipe(v.string(), v.maxLength(max));
/** A whole number from 0 to 2^53-1. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const integer = v.pipe(v.number(), v.safeInteger());
export const countUpTo = (max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(max));

export const orderId = bytesOf(16);
export const bootId = bytesOf(16);
export const keyId = bytesOf(8);
export const sha256 = bytesOf(32);
/** A trace that an order belongs to, as W3C's traceparent, version 00; neither id is all zeros. */
export const traceparent = v.pipe(
  v.string(),
  v.regex(/^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/),
);
/** Whole seconds since 1970-01-01 UTC. */
export const wallSeconds = count;

/** "disk0", "disk0p2", "LABEL=root", "UUID=…"; absent means the only volume there is. */
export const volumeName = v.pipe(v.string(), v.maxLength(128), v.regex(/^[^\0\n]+$/));
const LONE_SURROGATE = /\p{Surrogate}/u;
/**
 * Judged fully by the storage floor; here only bounded, and text that UTF-8 can carry: encoding would make another name
 * of anything else.
 */
export const pathText = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(LIMITS.path),
  v.check((path) => !LONE_SURROGATE.test(path), 'must be well-formed text'),
);

/** A device, group or tenant name: safe in a topic. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const name = v.pipe(v.string(), v.regex(NAME));

export const refusalMessage = v.strictObject({
  code: text(64),
  sentence: text(),
  remedy: text(),
});
