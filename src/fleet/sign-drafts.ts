import type { KeyStore } from '../ports/index.ts';
import type { Order } from '../protocol/index.ts';
import { draftOrder } from '../security/index.ts';
import { boundFor } from './ask-nonce.ts';
import type { OrderTiming } from './order-timing.ts';
import { type OrderWriter, writeOrder } from './write-order.ts';

export interface DraftWish {
  readonly order: Pick<Order, 'verb' | 'args'>;
  readonly effect?: Uint8Array | undefined;
  readonly validFor: OrderTiming['validFor'];
  /** By host, where the orders are bound to nonces. */
  readonly nonces?: ReadonlyMap<string, Uint8Array> | undefined;
  /** The tokens of destructive orders: each is free again where no order leaves this place with it. */
  readonly tokens?:
    | {
        give(order: Order): Promise<Uint8Array>;
        release(order: Uint8Array): Promise<void>;
      }
    | undefined;
}

/**
 * One order for each host, with the first signature of two; nothing is sent. `settle` puts them where they are to stay:
 * where it fails, nobody will ever have these orders.
 */
export async function signDrafts(
  writer: OrderWriter & { readonly key: KeyStore; readonly tenant: string },
  hosts: readonly string[],
  { order, effect, validFor, nonces, tokens }: DraftWish,
  settle: (packets: readonly Uint8Array[]) => Promise<void> = async () => undefined,
): Promise<readonly Uint8Array[]> {
  const options = { timing: { validFor }, ...(effect === undefined ? {} : { effect }) };
  const packets: Uint8Array[] = [];
  const written: Uint8Array[] = [];
  try {
    for (const host of hosts) {
      const nonce = nonces?.get(host);
      const bound = nonce === undefined ? {} : { bound: boundFor(nonce, validFor) };
      const body = await writeOrder(writer, host, order.verb, order.args, { ...options, ...bound });
      written.push(body.id);
      const token = await tokens?.give(body);
      const whole = token === undefined ? body : { ...body, token };
      packets.push(await draftOrder(whole, writer.key, writer.tenant));
    }
    await settle(packets);
    return packets;
  } catch (error) {
    for (const id of written) await tokens?.release(id);
    throw error;
  }
}
