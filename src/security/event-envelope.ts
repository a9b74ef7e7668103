import { equalBytes, NsError, refuse, utf8, type Verdict } from '../base/index.ts';
import type { KeyStore, PublicKey } from '../ports/index.ts';
import { type DeviceEvent, deviceEvent, encode, LIMITS, parseMessage, readCbor } from '../protocol/index.ts';
import { checkSignature, inspectEnvelope, isStrict, parseCose, sign1, signerKeyId } from './cose.ts';
import { verifyingKey } from './public-key.ts';

export interface EventRules {
  readonly tenant: string;
  /** Largest packet in bytes; LIMITS.event where absent. */
  readonly sizeCap?: number;
}

function eventContext(tenant: string): Uint8Array {
  return utf8(`nightshift/1/event/${tenant}`);
}

/**
 * Seals what a device says. NS_EVENT_TOO_LARGE (family caller) past LIMITS.event. The shape is not checked here: the
 * types do that, and the reader does it again.
 */
export async function signEvent(event: DeviceEvent, keyStore: KeyStore, tenant: string): Promise<Uint8Array> {
  const packet = await sign1(encode(event), keyStore, eventContext(tenant));
  if (packet.byteLength > LIMITS.event) {
    throw new NsError('NS_EVENT_TOO_LARGE', `the ${event.event} event takes ${packet.byteLength} bytes`, {
      family: 'caller',
    });
  }
  return packet;
}

/**
 * From a packet to an event of the device that has this key. PACKET_TOO_LARGE, CBOR_INVALID, ENVELOPE_INVALID,
 * KEY_UNKNOWN (another key's), SIGNATURE_INVALID, MESSAGE_INVALID. The device's name in it is for the caller to compare.
 */
export function openEvent(packet: Uint8Array, deviceKey: PublicKey, rules: EventRules): Verdict<DeviceEvent> {
  const cap = rules.sizeCap ?? LIMITS.event;
  if (packet.byteLength > cap) {
    return refuse(
      'PACKET_TOO_LARGE',
      `The packet has ${packet.byteLength} bytes; an event has ${cap} at most.`,
    );
  }
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return customs;
  const message = parseCose(packet);
  const keyId = message === undefined ? undefined : signerKeyId(message);
  if (message?.form !== 'sign1' || keyId === undefined || !isStrict(message)) {
    return refuse('ENVELOPE_INVALID', 'The packet is not a signed event.');
  }
  if (!equalBytes(keyId, deviceKey.keyId)) {
    return refuse('KEY_UNKNOWN', 'The event is signed by another key than the one known for this device.');
  }
  const externalAad = eventContext(rules.tenant);
  if (!checkSignature(message, 0, verifyingKey(deviceKey), { externalAad, strict: true })) {
    return refuse('SIGNATURE_INVALID', "The signature is not by this device's key, for this tenant.");
  }
  const body = readCbor(message.payload);
  return body.ok ? parseMessage(deviceEvent, body.value) : body;
}
