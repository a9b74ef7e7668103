import { NsError } from '../base/index.ts';
import type { KeyAgreement, PublicKey } from '../ports/index.ts';
import {
  checkedChallenge,
  lockVersionIn,
  type ReleaseSubject,
  readChallengeWords,
  releaseCode,
  splitChallengeText,
  writeCode,
} from '../security/index.ts';
import type { OperatorConfig } from './config.ts';

/** A challenge that somebody at a device has read out, and that fits this device. */
export interface ReleaseRequest {
  readonly device: string;
  readonly deviceKey: PublicKey;
  readonly subject: ReleaseSubject;
  readonly challenge: Uint8Array;
  /** Of the lock that would be released, modulo 65536. */
  readonly lockVersion: number;
}

/** The device and its words, or the text of the QR code, which names it. */
export type ReadOut =
  | { readonly device: string; readonly words: readonly string[] }
  | { readonly device?: string; readonly qr: string };

function invalid(sentence: string): NsError {
  return new NsError('NS_CHALLENGE', sentence, { family: 'caller' });
}

/** NS_CHALLENGE where it was misread or names another device; NS_DEVICE_UNKNOWN where no public key is known for the device. */
export function readRequest(
  config: Pick<OperatorConfig, 'tenant' | 'devices'>,
  told: ReadOut,
): ReleaseRequest {
  const split = 'qr' in told ? splitChallengeText(told.qr) : undefined;
  if (split?.ok === false) throw invalid(split.refusal.sentence);
  const device = split?.value.device ?? told.device ?? '';
  if (told.device !== undefined && told.device !== device) {
    throw invalid(`this is a challenge of "${device}", and not of "${told.device}"`);
  }
  const deviceKey = config.devices.get(device);
  if (deviceKey === undefined) {
    throw new NsError(
      'NS_DEVICE_UNKNOWN',
      `no public key is known for "${device}"; a code is for one device, so put it under "devices" in the configuration`,
      { family: 'caller' },
    );
  }
  const subject = { tenant: config.tenant, device, deviceKey: deviceKey.keyId };
  const read =
    'qr' in told
      ? checkedChallenge(split?.value.bytes ?? new Uint8Array(), subject)
      : readChallengeWords(told.words, subject);
  if (!read.ok) throw invalid(`${read.refusal.sentence} ${read.refusal.remedy}`);
  return { device, deviceKey, subject, challenge: read.value, lockVersion: lockVersionIn(read.value) };
}

/** This person's code. NS_KEY_AGREEMENT where a key makes none. */
export async function answerRequest(own: KeyAgreement, request: ReleaseRequest): Promise<string> {
  const { deviceKey, challenge, subject } = request;
  return writeCode(await releaseCode(own, deviceKey, challenge, subject, own.publicKey.keyId));
}
