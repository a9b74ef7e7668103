import { equalBytes, refuse, utf8, type Verdict } from '../base/index.ts';
import type { KeyStore, PublicKey } from '../ports/index.ts';
import {
  encode,
  type FirmwareManifest,
  firmwareManifest,
  parseMessage,
  readCbor,
} from '../protocol/index.ts';
import { checkSignature, inspectEnvelope, isStrict, parseCose, sign1, signerKeyId } from './cose.ts';
import { verifyingKey } from './public-key.ts';

/** Of a signed manifest, bytes. */
export const FIRMWARE_MANIFEST_MOST = 4096;

const CONTEXT = utf8('nightshift/1/firmware');

/** Seals what a firmware image is. */
export function signFirmware(manifest: FirmwareManifest, keyStore: KeyStore): Promise<Uint8Array> {
  return sign1(encode(manifest).slice(), keyStore, CONTEXT);
}

/**
 * What a manifest says, whoever signed it: for showing only. PACKET_TOO_LARGE, CBOR_INVALID, ENVELOPE_INVALID, MESSAGE_INVALID.
 */
export function readFirmware(packet: Uint8Array): Verdict<FirmwareManifest> {
  if (packet.byteLength > FIRMWARE_MANIFEST_MOST) return refuse('PACKET_TOO_LARGE');
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return customs;
  const message = parseCose(packet);
  if (message?.form !== 'sign1')
    return refuse('ENVELOPE_INVALID', 'This is not the signed manifest of a firmware image.');
  const body = readCbor(message.payload);
  return body.ok ? parseMessage(firmwareManifest, body.value) : body;
}

/**
 * From a signed manifest to what it says, where one of these keys signed it. PACKET_TOO_LARGE, CBOR_INVALID,
 * ENVELOPE_INVALID, KEY_UNKNOWN, SIGNATURE_INVALID, MESSAGE_INVALID.
 */
export function openFirmware(packet: Uint8Array, keys: readonly PublicKey[]): Verdict<FirmwareManifest> {
  if (packet.byteLength > FIRMWARE_MANIFEST_MOST) return refuse('PACKET_TOO_LARGE');
  const customs = inspectEnvelope(packet);
  if (!customs.ok) return customs;
  const message = parseCose(packet);
  const keyId = message === undefined ? undefined : signerKeyId(message);
  if (message?.form !== 'sign1' || keyId === undefined || !isStrict(message))
    return refuse('ENVELOPE_INVALID', 'This is not the signed manifest of a firmware image.');
  const key = keys.find((one) => equalBytes(one.keyId, keyId));
  if (key === undefined)
    return refuse('KEY_UNKNOWN', 'The firmware is signed by a key that this device does not know.');
  if (!checkSignature(message, 0, verifyingKey(key), { externalAad: CONTEXT, strict: true }))
    return refuse('SIGNATURE_INVALID', 'The signature of the firmware is not by the key that it names.');
  const body = readCbor(message.payload);
  return body.ok ? parseMessage(firmwareManifest, body.value) : body;
}
