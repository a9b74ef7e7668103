import { allow, equalBytes, refuse, toHex, type Verdict } from '../base/index.ts';
import { LIMITS, type Order, readCbor } from '../protocol/index.ts';
import { needsTwoPeople } from './authority.ts';
import { checkSignature, inspectEnvelope, isStrict, parseCose } from './cose.ts';
import { judgePassedOn } from './grant-chain.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { orderContext, signerKeyIds } from './order-context.ts';
import { shapeOrder } from './order-shape.ts';
import { verifyingKey } from './public-key.ts';

/** A signature as far as it can be judged here. */
export interface DraftSignature {
  readonly keyId: Uint8Array;
  /** Whose it is: the signature holds. Undefined where the key is not known here, and nothing can be said. */
  readonly signer: Enrolled | undefined;
}

/** An order for two people on its way from one to the other, and to the devices. */
export interface Draft {
  readonly order: Order;
  readonly packet: Uint8Array;
  /** The bytes that each of them has signed, as they stand in the packet. */
  readonly payload: Uint8Array;
  /** The issuer's first. At least one. */
  readonly signatures: readonly DraftSignature[];
}

/**
 * Judges such an order by the keys of people that are known here, before a person signs or sends it. What a device would
 * refuse in any case is refused with the same code; a signature that does not hold with SIGNATURE_INVALID. Whether
 * enough people have signed is for the caller to look at.
 */
export function readDraft(packet: Uint8Array, people: Keyring, tenant: string): Verdict<Draft> {
  if (packet.byteLength > LIMITS.order) return refuse('PACKET_TOO_LARGE');
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return customs;
  const message = parseCose(packet);
  const keyIds = message === undefined ? undefined : signerKeyIds(message);
  if (message?.form !== 'sign' || keyIds === undefined || !isStrict(message)) {
    return refuse('ENVELOPE_INVALID', 'This is not an order for two people.');
  }
  const signatures = keyIds.map((keyId) => ({ keyId, signer: people.lookup(keyId) }));
  const externalAad = orderContext(tenant);
  for (const [index, { keyId, signer }] of signatures.entries()) {
    if (signer === undefined) continue;
    if (!checkSignature(message, index, verifyingKey(signer.publicKey), { externalAad, strict: true })) {
      return refuse(
        'SIGNATURE_INVALID',
        `What is said to be signed by ${signer.name} (key ${toHex(keyId)}) for the tenant "${tenant}" is not.`,
      );
    }
  }
  const body = readCbor(message.payload);
  if (!body.ok) return body;
  const shaped = shapeOrder(body.value);
  if (!shaped.ok) return shaped;
  const order = shaped.value;
  if (!needsTwoPeople(order)) {
    return refuse('ENVELOPE_INVALID', `The order ${order.verb} is one for a single person.`);
  }
  const unfit = order.grants === undefined ? undefined : judgePassedOn(order, undefined);
  if (unfit !== undefined) return { ok: false, refusal: unfit };
  if (keyIds[0] === undefined || !equalBytes(order.iss, keyIds[0])) {
    return refuse('MESSAGE_INVALID', 'Field "iss" is not the key that signed the order first.');
  }
  return allow({ order, packet, payload: message.payload, signatures });
}
