import { type Duration, milliseconds, NsError, seconds, utf8 } from '../base/index.ts';
import {
  CIPHER_SUITES,
  type CipherSuiteId,
  type Discovery,
  discover,
  IpmiClient,
  isQuirk,
  LanCarrier,
  type Level,
  openSol,
  type Patience,
  type Quirk,
  SessionlessCarrier,
  userKey,
} from '../ipmi/index.ts';
import { systemEntropy } from './entropy.ts';
import { systemClock } from './system-clock.ts';
import { openUdp } from './udp-datagram.ts';

export interface IpmiClientOptions {
  /** 623 by default. */
  readonly port?: number;
  /** Tried in this order: 17 alone by default. 3 rests on SHA-1, and has to be allowed by name. */
  readonly suites?: readonly CipherSuiteId[];
  /** The highest level that the session may ask for; it asks for less while less will do. */
  readonly level?: Level;
  /** Kg, where the BMC has one. */
  readonly bmcKey?: string | Uint8Array;
  /** For a command as a whole, opening a session included: 10 s by default. */
  readonly timeout?: Duration;
  /** Keeps the session open by a question now and then. Without it, it is opened anew when it was idle too long. */
  readonly keepAlive?: Duration;
  readonly onSuite?: (suite: CipherSuiteId) => void;
  /** What this BMC is allowed to get wrong: nothing by default. */
  readonly quirks?: readonly Quirk[];
  /** Called with each of them that a session puts to use: to be logged. */
  readonly onQuirk?: (quirk: Quirk) => void;
  /** Called where the password is one that BMCs are known to keep only the first 16 bytes of. */
  readonly onLongPassword?: () => void;
}

const PORT = 623;
const TIMEOUT = seconds(10);
const FIRST_WAIT = seconds(1);
const TRIES = 5;
/** BMCs forget a session after 60 s, give or take 3. */
const IDLE = seconds(50);
const LONGEST_NAME = 16;
/** Passwords have 20 bytes at most, but may have been set in a form that takes only so many. */
const SHORT_PASSWORD = 16;

/**
 * A client of the BMC at this address. Nothing is sent before its first command; close it at the end, or the BMC keeps a
 * session for a while. NS_IPMI_CREDENTIALS for a user without name or password, NS_IPMI_SUITE for a suite that lacks
 * authentication, integrity or encryption.
 */
export function ipmiClient(
  host: string,
  user: string,
  password: string | Uint8Array,
  options: IpmiClientOptions = {},
): IpmiClient {
  const { port = PORT, suites = [17], level = 'administrator', timeout = TIMEOUT } = options;
  const secret = bytesOf(password);
  const name = utf8(user).byteLength;
  if (name === 0 || name > LONGEST_NAME) {
    throw refused('NS_IPMI_CREDENTIALS', `an IPMI user has a name of 1 to ${LONGEST_NAME} bytes`);
  }
  if (secret.byteLength === 0)
    throw refused('NS_IPMI_CREDENTIALS', 'an IPMI user without a password is refused');
  const unknown = suites.find((suite) => !Object.hasOwn(CIPHER_SUITES, suite));
  if (unknown !== undefined) {
    throw refused('NS_IPMI_SUITE', `cipher suite ${unknown} is refused: 17 and 3 are spoken here`);
  }
  const strange = options.quirks?.find((quirk) => !isQuirk(quirk));
  if (strange !== undefined) throw refused('NS_IPMI_ARGUMENT', `there is no quirk "${String(strange)}"`);
  const key = userKey(secret);
  if (secret.byteLength > SHORT_PASSWORD) options.onLongPassword?.();
  const carrier = new LanCarrier({
    openDatagram: () => openUdp({ host, port }, systemClock),
    clock: systemClock,
    entropy: systemEntropy,
    login: {
      user,
      key,
      level,
      quirks: new Set(options.quirks),
      ...(options.bmcKey === undefined ? {} : { bmcKey: userKey(bytesOf(options.bmcKey)) }),
    },
    suites,
    patience: patienceFor(timeout),
    within: timeout,
    idle: IDLE,
    ...(options.keepAlive === undefined ? {} : { keepAlive: options.keepAlive }),
    ...(options.onSuite === undefined ? {} : { onSuite: options.onSuite }),
    ...(options.onQuirk === undefined ? {} : { onQuirk: options.onQuirk }),
  });
  return new IpmiClient({
    carrier,
    clock: systemClock,
    sol: (sol, signal) => openSol((until) => carrier.openSession(until), systemClock, sol, signal),
    close: () => carrier.close(),
  });
}

/** What a BMC tells before any session: unprotected, a hint at most. */
export function ipmiDiscover(
  host: string,
  options: Pick<IpmiClientOptions, 'port' | 'timeout'> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Discovery> {
  const { port = PORT, timeout = TIMEOUT } = options;
  const carrier = new SessionlessCarrier({
    openDatagram: () => openUdp({ host, port }, systemClock),
    clock: systemClock,
    entropy: systemEntropy,
    patience: patienceFor(timeout),
  });
  return discover(carrier, signal);
}

/** Half the time for one question: where a session was forgotten, the other half is for a new one. */
const patienceFor = (timeout: Duration): Patience => ({
  first: milliseconds(Math.min(FIRST_WAIT, timeout / 8)),
  tries: TRIES,
  total: milliseconds(timeout / 2),
});

const bytesOf = (secret: string | Uint8Array): Uint8Array =>
  typeof secret === 'string' ? utf8(secret) : secret;

const refused = (code: `NS_${string}`, sentence: string): NsError =>
  new NsError(code, sentence, { family: 'caller' });
