import { type Duration, seconds } from '../base/index.ts';
import type { Clock, KeyStore, Stop } from '../ports/index.ts';
import { type DeviceEvent, deviceTopics } from '../protocol/index.ts';
import { signEvent } from '../security/index.ts';
import type { DeviceIdentity } from '../tasks/index.ts';
import { eventHead, type Vitals } from './identity.ts';

export interface PresenceParts {
  readonly clock: Clock;
  readonly identity: DeviceIdentity;
  readonly vitals: () => Vitals;
  /** A nonce of now, for orders that quote it. */
  readonly giveNonce: () => Uint8Array;
}

export const HEARTBEAT = seconds(60);
const NONCE_BYTES = 16;
/** An offline message gives out no nonce. */
const NO_NONCE = new Uint8Array(NONCE_BYTES);

type PresenceEvent = DeviceEvent & { readonly event: 'presence' };

function presenceEvent(
  parts: Pick<PresenceParts, 'clock' | 'identity' | 'vitals'>,
  state: 'online' | 'offline',
  nonce: Uint8Array,
): PresenceEvent {
  const { clock, identity, vitals } = parts;
  return {
    ...eventHead(identity),
    event: 'presence',
    state,
    // Good as uptime because monotonic time begins with the process, or with the machine.
    uptimeSeconds: Math.floor(clock.monotonic() / 1000),
    version: identity.version,
    board: identity.board,
    ...vitals(),
    nonce,
  };
}

/**
 * What the broker is to publish if the connection dies: a signed "offline" of this boot. Made at each connect. Whoever
 * holds the broker can publish it early or never, so it is only a hint; the heartbeat is the better witness.
 */
export async function offlineWill(
  parts: Pick<PresenceParts, 'clock' | 'identity' | 'vitals'>,
  keyStore: KeyStore,
): Promise<{ readonly topic: string; readonly payload: Uint8Array }> {
  const { tenant, device } = parts.identity;
  const payload = await signEvent(presenceEvent(parts, 'offline', NO_NONCE), keyStore, tenant);
  return { topic: deviceTopics(tenant, device).evt, payload };
}

/** The same for "online": for who wants to know that the broker takes what this device signs. */
export async function onlineStatement(
  parts: PresenceParts,
  keyStore: KeyStore,
): Promise<{ readonly topic: string; readonly payload: Uint8Array }> {
  const { tenant, device } = parts.identity;
  const payload = await signEvent(presenceEvent(parts, 'online', parts.giveNonce()), keyStore, tenant);
  return { topic: deviceTopics(tenant, device).evt, payload };
}

/** Says that the device is there, at each connect and at every heartbeat, each time with a fresh nonce. */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #say: (event: DeviceEvent) => void;
  #stopBeating: Stop | undefined;

  constructor(parts: PresenceParts, say: (event: DeviceEvent) => void) {
    this.#parts = parts;
    this.#say = say;
  }

  start(heartbeat: Duration = HEARTBEAT): void {
    this.#stopBeating ??= this.#parts.clock.every(heartbeat, () => this.online());
  }

  online(): void {
    this.#say(presenceEvent(this.#parts, 'online', this.#parts.giveNonce()));
  }

  offline(): void {
    this.#say(presenceEvent(this.#parts, 'offline', NO_NONCE));
  }

  stop(): void {
    this.#stopBeating?.();
    this.#stopBeating = undefined;
  }
}
