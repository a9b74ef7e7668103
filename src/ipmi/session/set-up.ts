import { hasCode, NsError, sentenceOf } from '../../base/index.ts';
import type { Entropy } from '../../ports/index.ts';
import { setupFault } from '../faults.ts';
import type { CipherSuite } from '../wire/cipher-suite.ts';
import { encodeSetup, type IpmiPacket, PAYLOAD } from '../wire/packet.ts';
import { deriveKeys, type SessionKeys, sameCode } from '../wire/protection.ts';
import { identityFor, quirkBehind } from './identity.ts';
import type { Line, Patience } from './line.ts';
import { type Quirk, type QuirksInUse, quirkNeeded } from './quirks.ts';
import {
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
  type Exchange,
  encodeOpenRequest,
  encodeRakp1,
  encodeRakp3,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  type SetupReply,
  sessionIntegrityKey,
  type UserKey,
} from './rakp.ts';

/** Privilege levels (IPMI 2.0, 6.8). */
export const LEVEL = { user: 2, operator: 3, administrator: 4 } as const;
export type Level = keyof typeof LEVEL;

export interface Login {
  readonly user: string;
  readonly key: UserKey;
  /** Kg, where the BMC has one. */
  readonly bmcKey?: UserKey;
  readonly suite: CipherSuite;
  /** The highest level that this session may ever ask for. */
  readonly level: Level;
  /** What this BMC is allowed to get wrong. */
  readonly quirks?: ReadonlySet<Quirk>;
}

export interface SetUp {
  readonly keys: SessionKeys;
  /** Ours: what the BMC's packets carry. */
  readonly consoleSession: number;
  /** The BMC's: what ours carry. */
  readonly bmcSession: number;
}

/** RAKP 3 with it frees the BMC's half-open session. */
const WRONG_CHECK_VALUE = 0x0f;
const RANDOM_SIZE = 16;

/**
 * Opens a session: open request, RAKP 1 to 4. Three round trips. A BMC that does not show that it knows the password gets
 * nothing that is derived from ours; its half-open session is freed. Codes as in setupFault; a mismatch of algorithms or
 * session ids is NS_IPMI_SESSION, and a wrong code in RAKP 2 NS_IPMI_CREDENTIALS after exactly two round trips; NS_IPMI_QUIRK
 * where the code is right but for a quirk that the BMC is not allowed.
 */
export async function setUpSession(
  line: Line,
  login: Login,
  consoleSession: number,
  entropy: Entropy,
  patience: Patience,
  quirks: QuirksInUse,
  signal: AbortSignal,
): Promise<SetUp> {
  const { suite } = login;
  const tag = entropy.randomBytes(1)[0]!;
  const level = LEVEL[login.level];
  const ask = async <T extends { readonly tag: number; readonly status: number }>(
    step: string,
    types: readonly [request: number, reply: number],
    request: Uint8Array,
    decode: (bytes: Uint8Array) => T,
  ): Promise<Extract<T, { readonly status: 0 }>> => {
    // What cannot be read may come from anybody, and is passed over; where nothing else comes, it is told.
    let unreadable: unknown;
    const lenient = (bytes: Uint8Array): T | undefined => {
      try {
        return decode(bytes);
      } catch (error) {
        unreadable = error;
        return undefined;
      }
    };
    try {
      return await line.ask(
        step,
        () => encodeSetup(types[0], request),
        (packet) => replyIn(packet, types[1], tag, step, lenient),
        patience,
        signal,
      );
    } catch (error) {
      if (unreadable === undefined || !hasCode(error, 'NS_IPMI_SILENT')) throw error;
      throw strange(`${step}: what the BMC answers cannot be read: ${sentenceOf(unreadable)}`);
    }
  };
  /** A session id in a reply that is not ours. */
  const foreign = (id: number): boolean =>
    id !== consoleSession && !(id === 0 && quirks.use('session-id-zero'));

  const opened = await ask(
    'open session',
    [PAYLOAD.openSessionRequest, PAYLOAD.openSessionResponse],
    encodeOpenRequest({ tag, level, consoleSession, suite }),
    decodeOpenResponse,
  );
  if (foreign(opened.consoleSession)) throw strange('the BMC answered for another session');
  if (opened.suite?.id !== suite.id) throw strange('the BMC chose algorithms that were not asked for');
  const bmcSession = opened.bmcSession;
  if (bmcSession === 0) quirks.need('session-id-zero', 'open session');

  const { role, user, key } = identityFor(login.user, login.key, level, quirks);
  const mine = {
    suite,
    consoleSession,
    bmcSession,
    consoleRandom: entropy.randomBytes(RANDOM_SIZE),
    role,
    user,
  };
  const second = await ask('RAKP 1', [PAYLOAD.rakp1, PAYLOAD.rakp2], encodeRakp1(tag, mine), decodeRakp2);
  const exchange: Exchange = { ...mine, bmcRandom: second.bmcRandom, bmcGuid: second.bmcGuid };
  if (foreign(second.consoleSession) || !sameCode(second.code, rakp2Code(exchange, key))) {
    const refusal = encodeRakp3(tag, WRONG_CHECK_VALUE, bmcSession, new Uint8Array(0));
    await line.tell(encodeSetup(PAYLOAD.rakp3, refusal));
    const quirk = quirkBehind(exchange, key, second.code, quirks);
    throw quirk === undefined ? setupFault('RAKP 2', WRONG_CHECK_VALUE) : quirkNeeded(quirk, 'RAKP 2');
  }

  const third = encodeRakp3(tag, 0, bmcSession, rakp3Code(exchange, key));
  const fourth = await ask('RAKP 3', [PAYLOAD.rakp3, PAYLOAD.rakp4], third, decodeRakp4);
  const sik = sessionIntegrityKey(exchange, login.bmcKey ?? key);
  if (foreign(fourth.consoleSession) || !sameCode(fourth.code, rakp4Code(exchange, sik))) {
    throw strange("RAKP 4: the integrity check value is wrong; is the BMC's own key (Kg) set?");
  }
  return { keys: deriveKeys(suite, sik), consoleSession, bmcSession };
}

function replyIn<T extends { readonly tag: number; readonly status: number }>(
  packet: IpmiPacket,
  type: number,
  tag: number,
  step: string,
  decode: (bytes: Uint8Array) => T | undefined,
): Extract<T, { readonly status: 0 }> | undefined {
  if (packet.is !== 'setup' || packet.payloadType !== type) return undefined;
  const reply = decode(packet.payload);
  // A late reply to an earlier try of somebody's has another tag.
  if (reply?.tag !== tag) return undefined;
  if (reply.status !== 0) throw setupFault(step, reply.status);
  return reply as Extract<T, { readonly status: 0 }>;
}

function strange(sentence: string): NsError {
  return new NsError('NS_IPMI_SESSION', sentence, { family: 'peer' });
}

export type { SetupReply };
