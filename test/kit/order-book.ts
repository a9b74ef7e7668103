import { createHash } from 'node:crypto';
import { toHex, utf8 } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { Order, Receipt } from '../../src/protocol/index.ts';
import { signOrder } from '../../src/security/index.ts';
import type { TestGovernor } from './governor.ts';
import { noise } from './noise.ts';

export type Wish =
  | { readonly is: 'line'; readonly line: string }
  | { readonly is: 'put'; readonly path: string; readonly content: Uint8Array }
  | { readonly is: 'remove'; readonly path: string }
  | { readonly is: 'lock'; readonly state: 'disabled' | 'enabled' };

/** An order with all that was heard about it. */
export interface BookedOrder {
  readonly id: Uint8Array;
  readonly wish: Wish;
  readonly packet: Uint8Array;
  /** Whether the operator sends it again and again; where not, the first delivery must do. */
  readonly repeated: boolean;
  /** Distinct receipts, by the hash of their bytes. */
  readonly receipts: Map<string, { readonly packet: Uint8Array; readonly body: Receipt }>;
  /** Receipts heard, copies included. */
  heard: number;
  sent: number;
}

export const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest());

/** Evenly spread among each other, so that every kind is under way at any time. */
export function mixedWishes(lines: number, puts: number, removes: number): Wish[] {
  const number = (n: number) => String(n).padStart(4, '0');
  const kinds: Wish[][] = [
    Array.from({ length: lines }, (_, n) => ({ is: 'line', line: `line ${number(n)}` })),
    Array.from({ length: puts }, (_, n) => ({
      is: 'put',
      path: `/srv/put-${number(n)}`,
      content: noise(500 + n * 4001, n + 1),
    })),
    Array.from({ length: removes }, (_, n) => ({ is: 'remove', path: `/old/${number(n)}` })),
  ];
  return kinds
    .flatMap((wishes) => wishes.map((wish, n) => ({ wish, at: (n + 0.5) / wishes.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ wish }) => wish);
}

export interface Signer {
  readonly key: KeyStore;
  /** Signs what takes two people. */
  readonly cosigner?: KeyStore;
  /** Signs a token for what destroys something. */
  readonly governor?: TestGovernor;
  readonly tenant: string;
  readonly device: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

/** Signs a wish as an order; `counter` rises by one with each of a signer's orders. */
export async function bookOrder(
  wish: Wish,
  counter: number,
  signer: Signer,
  repeated: boolean,
): Promise<BookedOrder> {
  const id = sha256(utf8(`${toHex(signer.key.publicKey.keyId)} ${counter}`)).subarray(0, 16);
  const body = {
    v: 1,
    id,
    aud: { to: 'device', name: signer.device },
    ...verbOf(wish),
    iss: signer.key.publicKey.keyId,
    ctr: counter,
    ...(wish.is === 'lock' && wish.state === 'disabled' ? {} : { exp: signer.exp }),
  } as Order;
  const token = await signer.governor?.tokenFor(body);
  const order = { ...body, ...(token === undefined ? {} : { token }) };
  const packet = await signOrder(order, signer.key, signer.tenant, signer.cosigner && [signer.cosigner]);
  return { id, wish, packet, repeated, receipts: new Map(), heard: 0, sent: 0 };
}

function verbOf(wish: Wish): { verb: string; args: Record<string, unknown> } {
  switch (wish.is) {
    case 'line':
      return { verb: 'io.write', args: { channel: 'console', value: utf8(`${wish.line}\n`) } };
    case 'put': {
      const { path, content } = wish;
      return {
        verb: 'file.download',
        args: { path, size: content.byteLength, sha256: sha256(content), mtime: 1_700_000_000 },
      };
    }
    case 'remove':
      return { verb: 'file.delete', args: { path: wish.path } };
    case 'lock':
      return {
        verb: wish.state === 'disabled' ? 'machine.disable' : 'machine.enable',
        args: { reason: 'a test' },
      };
  }
}
