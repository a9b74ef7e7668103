import * as v from 'valibot';
import { fromHex, fromUtf8, toHex, utf8 } from '../../base/index.ts';
import type { PowerReading } from '../../ports/index.ts';

/** Claimed by whoever changes what is offered. */
export const MEDIA = 'media';

/** An image that stands for the host's next start. */
export interface MediaOffer {
  /** By which order. */
  readonly order: Uint8Array;
  readonly size: number;
  readonly sha256: Uint8Array;
  /** The host has been up since. */
  readonly started: boolean;
}

const hex = (bytes: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`)));
const stored = v.strictObject({
  v: v.literal(1),
  order: hex(16),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: hex(32),
  started: v.boolean(),
});

export function encodeOffer({ order, size, sha256, started }: MediaOffer): Uint8Array {
  return utf8(JSON.stringify({ v: 1, order: toHex(order), size, sha256: toHex(sha256), started }));
}

/** Undefined for what is no record: then nothing is offered. */
export function decodeOffer(bytes: Uint8Array): MediaOffer | undefined {
  try {
    const read = v.safeParse(stored, JSON.parse(fromUtf8(bytes) ?? ''));
    if (!read.success) return undefined;
    const { order, size, sha256, started } = read.output;
    return { order: fromHex(order), size, sha256: fromHex(sha256), started };
  } catch {
    return undefined;
  }
}

export type MediaStep =
  | 'keep'
  /** The host has come up with it: the next time it is down it is over. */
  | 'note-start'
  | 'show'
  | 'take-back';

/**
 * What becomes of an offer by what is known of the machine. It is shown to no host that is up: it would be plugged into a
 * running system, which nobody ordered. A host that sleeps goes on as it was, so that only S5 and G3 end a start.
 */
export function stepOf(
  { started }: MediaOffer,
  {
    enabled,
    shown,
    power,
  }: { readonly enabled: boolean; readonly shown: boolean; readonly power: PowerReading | undefined },
): MediaStep {
  if (!enabled) return 'take-back';
  if (power === undefined || !power.certain) return 'keep';
  switch (power.state) {
    case 'S0':
      return started ? 'keep' : 'note-start';
    case 'S5':
    case 'G3':
      if (started) return 'take-back';
      return shown ? 'keep' : 'show';
    case 'S3':
    case 'S4':
    case 'unknown':
      return 'keep';
  }
}
