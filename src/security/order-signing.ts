import { equalBytes, NsError } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { encode, LIMITS, type Order } from '../protocol/index.ts';
import { needsTwoPeople } from './authority.ts';
import { addSignature, inspectEnvelope, isStrict, MAX_SIGNERS, parseCose, sign1, signMany } from './cose.ts';
import { judgePassedOn } from './grant-chain.ts';
import { orderContext, signerKeyIds } from './order-context.ts';
import { shapeOrder } from './order-shape.ts';

/**
 * Seals an order: as COSE_Sign1, or where the verb needs two people as COSE_Sign by the issuer and these cosigners.
 * NS_ORDER_INVALID (family caller) where the body is one that every device would refuse: wrong shape, too large, an
 * issuer that is not the signing key, or too few keys.
 */
export async function signOrder(
  body: Order,
  keyStore: KeyStore,
  tenant: string,
  cosigners: readonly KeyStore[] = [],
): Promise<Uint8Array> {
  const payload = payloadOf(body, keyStore);
  const context = orderContext(tenant);
  if (!needsTwoPeople(body)) return fitting(await sign1(payload, keyStore, context));
  const signers = [keyStore, ...cosigners];
  const keyIds = new Set(signers.map(({ publicKey }) => Buffer.from(publicKey.keyId).toString('hex')));
  if (signers.length < 2) throw invalid(`${body.verb} needs the signatures of two people.`);
  if (keyIds.size < signers.length) throw invalid('One key signs it twice.');
  if (signers.length > MAX_SIGNERS) throw invalid(`More than ${MAX_SIGNERS} sign it.`);
  return fitting(await signMany(payload, signers, context));
}

/** The first signature of an order for two people. No device obeys it before a second person has signed. */
export async function draftOrder(body: Order, keyStore: KeyStore, tenant: string): Promise<Uint8Array> {
  const payload = payloadOf(body, keyStore);
  if (!needsTwoPeople(body)) throw invalid(`${body.verb} is an order of one person.`);
  return fitting(await signMany(payload, [keyStore], orderContext(tenant)));
}

/**
 * Adds a signature to such an order; those that are there stay as they are, and are for the caller to judge
 * (readDraft). NS_ORDER_INVALID where it is none, or this key has signed it.
 */
export async function cosignOrder(
  packet: Uint8Array,
  keyStore: KeyStore,
  tenant: string,
): Promise<Uint8Array> {
  const message = inspectEnvelope(packet).ok ? parseCose(packet) : undefined;
  const keyIds = message === undefined ? undefined : signerKeyIds(message);
  if (message?.form !== 'sign' || keyIds === undefined || !isStrict(message)) {
    throw invalid('It is not an order for several people.');
  }
  if (keyIds.some((keyId) => equalBytes(keyId, keyStore.publicKey.keyId))) {
    throw invalid('This key has signed it already.');
  }
  if (keyIds.length >= MAX_SIGNERS) throw invalid(`It has ${MAX_SIGNERS} signatures, and no room for more.`);
  return fitting(await addSignature(message, keyStore, orderContext(tenant)));
}

function payloadOf(body: Order, keyStore: KeyStore): Uint8Array {
  // A copy: the encoder uses its room again.
  const payload = encode(body).slice();
  const shaped = shapeOrder(body);
  if (!shaped.ok) throw invalid(shaped.refusal.sentence);
  const unfit = body.grants === undefined ? undefined : judgePassedOn(body, undefined);
  if (unfit !== undefined) throw invalid(unfit.sentence);
  if (!equalBytes(body.iss, keyStore.publicKey.keyId)) throw invalid('The issuer is not the signing key.');
  return payload;
}

function fitting(packet: Uint8Array): Uint8Array {
  if (packet.byteLength > LIMITS.order) throw invalid(`The order takes ${packet.byteLength} bytes.`);
  return packet;
}

function invalid(why: string): NsError {
  return new NsError('NS_ORDER_INVALID', `this order cannot be signed: ${why}`, { family: 'caller' });
}
