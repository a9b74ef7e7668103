import type { Entropy, KeyStore } from '../ports/index.ts';
import { type ArgsOf, type Order, PROTOCOL_VERSION, type Verb } from '../protocol/index.ts';
import { isLasting } from '../security/index.ts';
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
}

const ORDER_ID_BYTES = 16;

/** The body of an order for one device, to be signed. One that lasts has no end. */
export async function writeOrder<V extends Verb>(
  writer: OrderWriter,
  device: string,
  verb: V,
  args: ArgsOf<V>,
  { timing, effect }: Omit<OrderOptions, 'signal'> = {},
): Promise<Order> {
  const { validFor } = { ...DEFAULT_TIMING, ...timing };
  const exp = isLasting({ verb }) ? undefined : writer.now + Math.max(1, Math.round(validFor / 1000));
  return {
    v: PROTOCOL_VERSION,
    id: writer.entropy.randomBytes(ORDER_ID_BYTES),
    aud: { to: 'device', name: device },
    verb,
    args,
    iss: writer.key.publicKey.keyId,
    ctr: await writer.counter.next(),
    ...(exp === undefined ? {} : { exp }),
    ...(effect === undefined ? {} : { effect }),
  } as Order;
}
