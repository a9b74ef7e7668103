import { createHash } from 'node:crypto';
import { equalBytes, NsError, type Refusal, refusal, toHex, utf8 } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { encode, LIMITS, type Order, readCbor } from '../protocol/index.ts';
import { checkSignature, inspectEnvelope, isStrict, parseCose, sign1, signerKeyId } from './cose.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { shapeOrder } from './order-shape.ts';
import { verifyingKey } from './public-key.ts';

/** An order whose signature and shape hold. Whether it may be obeyed is for authority and freshness to say. */
export interface OpenedOrder {
  readonly order: Order;
  /** SHA-256 of the packet as received. */
  readonly packetHash: Uint8Array;
  readonly signer: Enrolled;
}

export type OrderVerdict =
  | { readonly ok: true; readonly value: OpenedOrder }
  /** With the order's id, where an enrolled key vouches for it. */
  | { readonly ok: false; readonly refusal: Refusal; readonly id?: Uint8Array };

export interface OrderRules {
  readonly tenant: string;
  /** Largest packet in bytes; LIMITS.order where absent. */
  readonly sizeCap?: number;
}

/** Bound into every order's signature: a packet signed for one tenant or class is worthless in another. */
function orderContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/order/${tenant}`);
}

/**
 * Seals an order. NS_ORDER_INVALID (family caller) where the body is one that every device would refuse: wrong
 * shape, too large, or an issuer that is not the signing key.
 */
export async function signOrder(body: Order, keyStore: KeyStore, tenant: string): Promise<Uint8Array> {
  const payload = encode(body);
  const shaped = shapeOrder(body);
  if (!shaped.ok) throw invalid(shaped.refusal.sentence);
  if (!equalBytes(body.iss, keyStore.publicKey.keyId)) throw invalid('The issuer is not the signing key.');
  const packet = await sign1(payload, keyStore, orderContext(tenant));
  if (packet.byteLength > LIMITS.order) throw invalid(`The order takes ${packet.byteLength} bytes.`);
  return packet;
}

/**
 * From a packet to an order: size, customs, signature over the bytes as received, customs again for the signed body,
 * shape. PACKET_TOO_LARGE, CBOR_INVALID, ENVELOPE_INVALID (not signed, or not in the one form that orders have),
 * KEY_UNKNOWN, SIGNATURE_INVALID, VERSION_UNKNOWN, VERB_UNKNOWN, MESSAGE_INVALID.
 */
export function openOrder(packet: Uint8Array, keyring: Keyring, rules: OrderRules): OrderVerdict {
  const cap = rules.sizeCap ?? LIMITS.order;
  if (packet.byteLength > cap) {
    return no('PACKET_TOO_LARGE', `The packet has ${packet.byteLength} bytes; an order has ${cap} at most.`);
  }
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return customs;
  const message = parseCose(packet);
  if (message === undefined) return no('ENVELOPE_INVALID', 'The packet is not a signed order.');
  const keyId = signerKeyId(message);
  if (message.form !== 'sign1' || keyId === undefined || !isStrict(message)) {
    return no(
      'ENVELOPE_INVALID',
      'The envelope is not a tagged COSE_Sign1 with algorithm and key id, both protected, and nothing else.',
    );
  }
  const signer = keyring.lookup(keyId);
  if (signer === undefined) {
    return no('KEY_UNKNOWN', `No enrolled key has the id ${toHex(keyId.subarray(0, 16))}.`);
  }
  const externalAad = orderContext(rules.tenant);
  if (!checkSignature(message, 0, verifyingKey(signer.publicKey), { externalAad, strict: true })) {
    return no('SIGNATURE_INVALID', `The signature is not by the key of ${signer.name}, for this tenant.`);
  }
  return openBody(message.payload, packet, signer);
}

function openBody(payload: Uint8Array, packet: Uint8Array, signer: Enrolled): OrderVerdict {
  const body = readCbor(payload);
  if (!body.ok) return body;
  const id = idOf(body.value);
  const shaped = shapeOrder(body.value);
  if (!shaped.ok) return id === undefined ? shaped : { ...shaped, id };
  const order = shaped.value;
  if (!equalBytes(order.iss, signer.keyId)) {
    return { ...no('MESSAGE_INVALID', 'Field "iss" is not the key that signed the order.'), id: order.id };
  }
  const packetHash = new Uint8Array(createHash('sha256').update(packet).digest());
  return { ok: true, value: { order, packetHash, signer } };
}

function idOf(body: unknown): Uint8Array | undefined {
  if (typeof body !== 'object' || body === null || !('id' in body)) return undefined;
  return body.id instanceof Uint8Array && body.id.byteLength === 16 ? body.id : undefined;
}

function no(code: Refusal['code'], sentence: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: refusal(code, sentence) };
}

function invalid(why: string): NsError {
  return new NsError('NS_ORDER_INVALID', `this order cannot be signed: ${why}`, { family: 'caller' });
}
