import { allow, refuse, type Verdict } from '../base/index.ts';
import { parseMessage, readCbor } from '../protocol/index.ts';
import { inspectEnvelope, isStrict, parseCose, signerKeyId } from './cose.ts';
import type { Enrolled, Keyring } from './keyring.ts';
import { LARGEST_TOKEN, openToken, type TokenBody, tokenBody } from './token.ts';

/** A token as far as it can be judged here. */
export interface TokenDraft extends TokenBody {
  readonly keyId: Uint8Array;
  /** Whose it is: the signature holds. Undefined where the key is not known here, and nothing can be said. */
  readonly governor: Enrolled | undefined;
  readonly packet: Uint8Array;
}

/**
 * What a token says, by the keys of people that are known here. TOKEN_INVALID: none, or by a known key that is no
 * governor's or did not sign it for this tenant. No device ever judges by this.
 */
export function readToken(packet: Uint8Array, people: Keyring, tenant: string): Verdict<TokenDraft> {
  const message =
    packet.byteLength <= LARGEST_TOKEN && inspectEnvelope(packet).ok ? parseCose(packet) : undefined;
  const keyId = message === undefined ? undefined : signerKeyId(message, 0);
  if (message?.form !== 'sign1' || keyId === undefined || !isStrict(message)) {
    return refuse('TOKEN_INVALID', 'It is no signed token.');
  }
  if (people.lookup(keyId) !== undefined) {
    const opened = openToken(packet, people, tenant);
    return opened.ok ? allow({ ...opened.value, keyId }) : opened;
  }
  const item = readCbor(message.payload);
  const body = item.ok ? parseMessage(tokenBody, item.value) : item;
  return body.ok
    ? allow({ ...body.value, keyId, governor: undefined, packet })
    : refuse('TOKEN_INVALID', body.refusal.sentence);
}
