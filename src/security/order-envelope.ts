import { createHash } from 'node:crypto';
import { allow, equalBytes, type Refusal, refusal, refuse, toHex, type Verdict } from '../base/index.ts';
import { grantsOf, LIMITS, type Order, readCbor } from '../protocol/index.ts';
import { needsTwoPeople, signedTwice } from './authority.ts';
import { type CoseMessage, checkSignature, inspectEnvelope, isStrict, parseCose } from './cose.ts';
import { holderByGrants, judgePassedOn } from './grant-chain.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { orderContext, signerKeyIds } from './order-context.ts';
import { shapeOrder } from './order-shape.ts';
import { verifyingKey } from './public-key.ts';

/** An order whose signatures and shape hold, signed by as many people as its verb needs. Whether it may be obeyed is for authority and freshness to say. */
export interface OpenedOrder {
  readonly order: Order;
  /** SHA-256 of the packet as received. */
  readonly packetHash: Uint8Array;
  /** The issuer: the first who signed. */
  readonly signer: Enrolled;
  /** All others who signed; each is another person than all before. */
  readonly cosigners: readonly Enrolled[];
}

export type OrderVerdict =
  | { readonly ok: true; readonly value: OpenedOrder }
  /** With the order's id and its issuer's key id, where enrolled keys vouch for them. */
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      readonly id?: Uint8Array;
      readonly by?: Uint8Array;
    };

export interface OrderRules {
  readonly tenant: string;
  /** Largest packet in bytes; LIMITS.order where absent. */
  readonly sizeCap?: number;
}

/**
 * From a packet to an order: size, customs, signatures over the bytes as received, customs again for the signed body,
 * shape, number of people. An order comes as COSE_Sign1; one that needs two people as COSE_Sign, the issuer's signature
 * first, each signature by another person's key, and all of them good: none is passed over. An order that carries
 * grants counts as given by them, whoever else its signer is. PACKET_TOO_LARGE, CBOR_INVALID, ENVELOPE_INVALID (not
 * signed, or not in that form), KEY_UNKNOWN, DELEGATION_INVALID, SIGNATURE_INVALID, VERSION_UNKNOWN, VERB_UNKNOWN,
 * MESSAGE_INVALID, NEEDS_TWO_PEOPLE.
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
  const keyIds = signerKeyIds(message);
  if (keyIds === undefined || !isStrict(message)) {
    return no(
      'ENVELOPE_INVALID',
      'The envelope is not a tagged COSE message with algorithm and key id, both protected, and nothing else, each key once.',
    );
  }
  const signers: Enrolled[] = [];
  for (const keyId of keyIds) {
    const signer = signerBehind(keyId, message, keyring, rules.tenant);
    if (!signer.ok) return signer;
    signers.push(signer.value);
  }
  const externalAad = orderContext(rules.tenant);
  for (const [index, signer] of signers.entries()) {
    if (!checkSignature(message, index, verifyingKey(signer.publicKey), { externalAad, strict: true })) {
      return no('SIGNATURE_INVALID', `The signature is not by the key of ${signer.name}, for this tenant.`);
    }
  }
  return openBody(message, packet, signers, { keyring, tenant: rules.tenant });
}

/** A key of the keyring, or else one that has its right by the grants in the order: those are signed themselves. */
function signerBehind(
  keyId: Uint8Array,
  message: CoseMessage,
  keyring: Keyring,
  tenant: string,
): Verdict<Enrolled> {
  const known = keyring.lookup(keyId);
  if (known !== undefined) return allow(known);
  const body = message.form === 'sign1' ? readCbor(message.payload) : undefined;
  const grants = body?.ok === true ? grantsOf(body.value) : undefined;
  if (grants !== undefined) return holderByGrants(grants, keyId, keyring, tenant);
  return refuse('KEY_UNKNOWN', `No enrolled key has the id ${toHex(keyId.subarray(0, 16))}.`);
}

function openBody(
  message: CoseMessage,
  packet: Uint8Array,
  signers: readonly Enrolled[],
  { keyring, tenant }: { readonly keyring: Keyring; readonly tenant: string },
): OrderVerdict {
  const [first, ...cosigners] = signers;
  if (first === undefined) return no('ENVELOPE_INVALID', 'The packet is not signed.');
  const body = readCbor(message.payload);
  if (!body.ok) return body;
  const id = idOf(body.value);
  const by = first.keyId;
  const shaped = shapeOrder(body.value);
  if (!shaped.ok) return id === undefined ? shaped : { ...shaped, id, by };
  const order = shaped.value;
  if (!equalBytes(order.iss, first.keyId)) {
    const which = cosigners.length === 0 ? '' : ' first';
    return {
      ...no('MESSAGE_INVALID', `Field "iss" is not the key that signed the order${which}.`),
      id: order.id,
      by,
    };
  }
  const holder = rightOf(order, first, keyring, tenant);
  if (!holder.ok) return { ...holder, id: order.id, by };
  const signer = holder.value;
  const missing = judgePeople(order, message.form, [signer, ...cosigners]);
  if (missing !== undefined) return { ok: false, refusal: missing, id: order.id, by };
  const packetHash = new Uint8Array(createHash('sha256').update(packet).digest());
  return { ok: true, value: { order, packetHash, signer, cosigners } };
}

/** By which right the first signer orders: his own, or the one that the order's grants say, also where his own is wider. */
function rightOf(order: Order, first: Enrolled, keyring: Keyring, tenant: string): Verdict<Enrolled> {
  const { grants } = order;
  if (grants === undefined) return allow(first);
  const holder =
    first.through === undefined ? holderByGrants(grants, first.keyId, keyring, tenant) : allow(first);
  if (!holder.ok) return holder;
  const unfit = judgePassedOn(order, holder.value);
  return unfit === undefined ? holder : { ok: false, refusal: unfit };
}

/** People are counted, not signatures, and nobody signs an order twice. */
function judgePeople(
  order: Order,
  form: CoseMessage['form'],
  signers: readonly Enrolled[],
): Refusal | undefined {
  const { verb } = order;
  if (!needsTwoPeople(order)) {
    if (form === 'sign1') return undefined;
    return refusal('ENVELOPE_INVALID', `The order ${verb} is signed by one, in a COSE_Sign1.`);
  }
  if (signers.length < 2) {
    return refusal('NEEDS_TWO_PEOPLE', `The order ${verb} is signed by ${signers[0]?.name} alone.`);
  }
  const twice = signedTwice(signers);
  if (twice === undefined) return undefined;
  return refusal('NEEDS_TWO_PEOPLE', `The order ${verb} is signed twice by one person, ${twice.person}.`);
}

function idOf(body: unknown): Uint8Array | undefined {
  if (typeof body !== 'object' || body === null || !('id' in body)) return undefined;
  return body.id instanceof Uint8Array && body.id.byteLength === 16 ? body.id : undefined;
}

function no(code: Refusal['code'], sentence: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: refusal(code, sentence) };
}
