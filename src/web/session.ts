import { createHash } from 'node:crypto';
import { type Duration, equalBytes, toHex, utf8 } from '../base/index.ts';
import type { Clock, Entropy } from '../ports/index.ts';

const SECRET_BYTES = 32;
const COOKIE = 'nightshift';
/** Longest Cookie header that is looked at. */
const LONGEST = 4096;

function same(a: string, b: string): boolean {
  const hash = (text: string): Uint8Array => createHash('sha256').update(utf8(text)).digest();
  return equalBytes(hash(a), hash(b));
}

/**
 * The one session of a started page: a token that opens it once, and a cookie from then on. The path is a secret too, as
 * browsers send cookies of one address to all its ports, where other people's programs may listen.
 */
export class Session {
  /** "/…/", where all of the page is. */
  readonly base: string;
  readonly token: string;
  readonly #cookie: string;
  readonly #clock: Clock;
  readonly #ends: number;
  #spent = false;

  constructor(clock: Clock, entropy: Entropy, lasts: Duration) {
    this.#clock = clock;
    this.#ends = clock.monotonic() + lasts;
    const secret = (): string => toHex(entropy.randomBytes(SECRET_BYTES));
    this.base = `/${secret()}/`;
    this.token = secret();
    this.#cookie = secret();
  }

  /** The Set-Cookie header, once, for the right token. */
  open(token: string): string | undefined {
    if (this.#spent || this.#over() || !same(token, this.token)) return undefined;
    this.#spent = true;
    return `${COOKIE}=${this.#cookie}; Path=${this.base}; HttpOnly; SameSite=Strict`;
  }

  /** Whether a Cookie header is this session's. */
  holds(header: string | undefined): boolean {
    if (!this.#spent || this.#over() || header === undefined || header.length > LONGEST) return false;
    return header.split(';').some((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return name.trim() === COOKIE && same(value.trim(), this.#cookie);
    });
  }

  #over(): boolean {
    return this.#clock.monotonic() >= this.#ends;
  }
}
