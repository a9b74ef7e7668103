import type { Entropy, KeyStore } from '../ports/index.ts';
import { type ArgsOf, type Order, PROTOCOL_VERSION, type Verb } from '../protocol/index.ts';
import { isLasting } from '../security/index.ts';
import type { Bound } from './ask-nonce.ts';
import { endOfGrants } from './grant-file.ts';
import { DEFAULT_TIMING, type OrderOptions } from './order-timing.ts';

/** Gives out the issuer's order counters: each once, rising, over all processes that use the key. */
export interface OrderCounter {
  next(): Promise<number>;
}

/** What an order takes from its issuer. */
export interface OrderWriter {
  readonly key: KeyStore;
  readonly counter: OrderCounter;
  readonly entropy: Entropy;
  /** Wall clock. */
  readonly now: number;
  /** By which the key has its right, where it is not in the keyring. */
  readonly grants?: readonly Uint8Array[] | undefined;
}

const ORDER_ID_BYTES = 16;

/** The body of an order for one device, to be signed. One that lasts has no end; one that is bound to a nonce names no time. */
export async function writeOrder<V extends Verb>(
  writer: OrderWriter,
  device: string,
  verb: V,
  args: ArgsOf<V>,
  { timing, effect, trace, bound }: Omit<OrderOptions, 'signal'> & { readonly bound?: Bound } = {},
): Promise<Order> {
  const { validFor } = { ...DEFAULT_TIMING, ...timing };
  const { grants } = writer;
  // An order by a right that was passed on names an end in any case: no later than that right's.
  const ends = [
    ...(bound === undefined ? [writer.now + Math.max(1, Math.round(validFor / 1000))] : []),
    ...(grants === undefined ? [] : [endOfGrants(grants)]),
  ];
  const exp = isLasting({ verb }) || ends.length === 0 ? undefined : Math.min(...ends);
  return {
    v: PROTOCOL_VERSION,
    id: writer.entropy.randomBytes(ORDER_ID_BYTES),
    aud: { to: 'device', name: device },
    verb,
    args,
    iss: writer.key.publicKey.keyId,
    ctr: await writer.counter.next(),
    ...(exp === undefined ? {} : { exp }),
    ...bound,
    ...(effect === undefined ? {} : { effect }),
    ...(trace === undefined ? {} : { trace }),
    ...(grants === undefined ? {} : { grants }),
  } as Order;
}
