import type { KeyStore } from '../../src/ports/index.ts';
import type { Order } from '../../src/protocol/index.ts';

let counter = 0;

/** Sixteen bytes that say this number. */
export function idOf(n: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, n);
  return id;
}

/** A well-formed machine.status order by this key for the device "host1"; each call has another id and counter. */
export function testOrder(key: KeyStore, change: Record<string, unknown> = {}): Order {
  counter += 1;
  return {
    v: 1,
    id: idOf(counter),
    aud: { to: 'device', name: 'host1' },
    verb: 'machine.status',
    args: {},
    iss: key.publicKey.keyId,
    ctr: counter,
    exp: 4_000_000_000,
    ...change,
  } as Order;
}
