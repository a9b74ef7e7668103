import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type Order, PROTOCOL_VERSION } from '../src/protocol/index.ts';
import { openOrder, signOrder } from '../src/security/index.ts';
import { testKey, testKeyring } from '../test/kit/keys.ts';
import { median, note, report } from './kit.ts';

/** Orders verified a second, whole (customs, envelope, signature, shape), against nothing but the signature's arithmetic. */
const ORDERS = 2000;
const ROUNDS = 7;
const TENANT = 'bench';

const key = testKey();
const keyring = testKeyring({ olga: [key, 'operator'] });
const spki = createPublicKey({ key: Buffer.from(key.publicKey.spki), format: 'der', type: 'spki' });

function order(n: number): Order {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, n);
  return {
    v: PROTOCOL_VERSION,
    id,
    aud: { to: 'device', name: 'host1' },
    verb: 'file.stat',
    args: { path: `/srv/some/directory/file-${n}` },
    iss: key.publicKey.keyId,
    ctr: n + 1,
    exp: 4_000_000_000,
  } as Order;
}

/** A signature and what it is over, of the same size as an order's. */
interface Raw {
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

const packets: Uint8Array[] = [];
const raw: Raw[] = [];
for (let n = 0; n < ORDERS; n += 1) {
  const packet = await signOrder(order(n), key, TENANT);
  packets.push(packet);
  raw.push({ data: packet, signature: await key.sign(packet) });
}

/** Operations a second. */
function rate(work: () => void): number {
  const began = performance.now();
  work();
  return (ORDERS / (performance.now() - began)) * 1000;
}

const ours = (): void => {
  for (const packet of packets) {
    const opened = openOrder(packet, keyring, { tenant: TENANT });
    if (!opened.ok) throw new Error(opened.refusal.sentence);
  }
};
const peer = (publicKey: KeyObject) => (): void => {
  for (const { data, signature } of raw) {
    if (!verify(null, data, publicKey, signature)) throw new Error('a good signature is refused');
  }
};

const [rates, peers]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  rates.push(rate(ours));
  peers.push(rate(peer(spki)));
}
note(
  `${ORDERS} orders of about ${packets[0]!.byteLength} bytes, Ed25519, ${ROUNDS} rounds; a key object made once`,
);
report({
  bench: 'verify',
  figure: `node:crypto verify ${packets[0]!.byteLength} B`,
  ours: median(rates),
  peer: median(peers),
  unit: 'orders/s',
  better: 'higher',
});
