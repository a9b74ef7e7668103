import { type Duration, equalBytes, toHex } from '../base/index.ts';
import type { Clock, PowerState, PublicKey } from '../ports/index.ts';
import {
  type DeviceEvent,
  deviceTopics,
  type Outcome,
  type Presence,
  type Receipt,
} from '../protocol/index.ts';
import { openEvent } from '../security/index.ts';

/** Orders that are remembered of one device; more are under way nowhere. */
const MOST_IN_FLIGHT = 64;
/** Receipts come twice now and then, and late: the last numbers of a device are remembered. */
const NUMBERS_KEPT = 16;

/** What a device has said that counts. */
export type SeenEvent =
  | {
      readonly is: 'receipt';
      readonly host: string;
      readonly verb: string;
      readonly outcome: Outcome;
      readonly code: string | undefined;
      readonly tookMs: number;
    }
  | { readonly is: 'rejected'; readonly code: string }
  | { readonly is: 'restarted' }
  /** A device's audit log has fewer entries than it had: it was cut, or an older state was put back. */
  | { readonly is: 'audit-shrunk' }
  /** Not by the device's key, or no event. */
  | { readonly is: 'ignored' };

export interface HostView {
  readonly name: string;
  /** "silent": it was there, and has not been heard for too long. "never": not heard since we listen. */
  readonly state: 'online' | 'silent' | 'offline' | 'never';
  readonly power: PowerState;
  readonly disabled: boolean;
  readonly version: string;
  readonly board: string;
  /** Since its last event; undefined where there was none. */
  readonly age: Duration | undefined;
  readonly running: number;
  readonly staged: number;
}

interface Host {
  readonly name: string;
  readonly key: PublicKey;
  presence?: Presence;
  heard?: Duration;
  audit: number;
  readonly orders: Map<string, 'running' | 'staged'>;
  readonly numbers: number[];
}

export interface FleetViewOptions {
  readonly tenant: string;
  readonly devices: ReadonlyMap<string, PublicKey>;
  readonly clock: Clock;
  /** Heard longer ago than this, a device that said no goodbye is silent. */
  readonly silentAfter: Duration;
  readonly onSeen: (event: SeenEvent) => void;
}

/**
 * The fleet as its devices speak of themselves, to whoever only listens: no order is given, and no key is needed. What is
 * not signed by a device's own key is not believed. Whoever holds the broker can hold events back, and send old ones
 * again: this is for looking, and decides nothing.
 */
export class FleetView {
  readonly #o: FleetViewOptions;
  readonly #byTopic: ReadonlyMap<string, Host>;

  constructor(options: FleetViewOptions) {
    this.#o = options;
    this.#byTopic = new Map(
      [...options.devices].map(([name, key]) => [
        deviceTopics(options.tenant, name).evt,
        { name, key, audit: 0, orders: new Map(), numbers: [] },
      ]),
    );
  }

  /** A packet on a topic of events; of a device that is not watched, nothing. */
  take(topic: string, packet: Uint8Array, retained: boolean): void {
    const host = this.#byTopic.get(topic);
    if (host === undefined) return;
    // A broker may keep anything for a later deceit: what it kept is not even looked at.
    const opened = retained ? undefined : openEvent(packet, host.key, { tenant: this.#o.tenant });
    if (opened?.ok !== true || opened.value.device !== host.name) {
      this.#o.onSeen({ is: 'ignored' });
      return;
    }
    host.heard = this.#o.clock.monotonic();
    this.#note(host, opened.value);
  }

  *hosts(): Generator<HostView> {
    const now = this.#o.clock.monotonic();
    for (const host of this.#byTopic.values()) {
      const { name, presence, heard, orders } = host;
      const states = [...orders.values()];
      const age = heard === undefined ? undefined : ((now - heard) as Duration);
      yield {
        name,
        state: this.#stateOf(host, age),
        power: presence?.power ?? 'unknown',
        disabled: presence?.lock === 'disabled',
        version: presence?.version ?? '',
        board: presence?.board ?? '',
        age,
        running: states.filter((state) => state === 'running').length,
        staged: states.filter((state) => state === 'staged').length,
      };
    }
  }

  #stateOf({ presence }: Host, age: Duration | undefined): HostView['state'] {
    if (age === undefined) return 'never';
    if (presence?.state === 'offline') return 'offline';
    return age > this.#o.silentAfter ? 'silent' : 'online';
  }

  #note(host: Host, event: DeviceEvent): void {
    switch (event.event) {
      case 'presence':
        this.#notePresence(host, event);
        return;
      case 'accepted':
      case 'staged':
        this.#noteOrder(host, event.id, event.event === 'staged' ? 'staged' : 'running');
        return;
      case 'receipt':
        this.#noteReceipt(host, event);
        return;
      case 'rejected':
        this.#o.onSeen({ is: 'rejected', code: event.refusal.code });
        return;
      case 'progress':
      case 'offer':
        return;
    }
  }

  #notePresence(host: Host, presence: Presence): void {
    const before = host.presence;
    host.presence = presence;
    if (before !== undefined && !equalBytes(before.boot, presence.boot)) this.#o.onSeen({ is: 'restarted' });
    const { audit, state } = presence;
    // A goodbye was signed when the device connected, and is late.
    if (audit === undefined || state === 'offline') return;
    if (audit.seq < host.audit) this.#o.onSeen({ is: 'audit-shrunk' });
    host.audit = audit.seq;
  }

  #noteOrder({ orders }: Host, id: Uint8Array, state: 'running' | 'staged'): void {
    const key = toHex(id);
    if (!orders.has(key) && orders.size >= MOST_IN_FLIGHT) {
      const oldest = orders.keys().next();
      if (!oldest.done) orders.delete(oldest.value);
    }
    orders.set(key, state);
  }

  #noteReceipt(host: Host, receipt: Receipt): void {
    host.orders.delete(toHex(receipt.id));
    const { numbers } = host;
    if (numbers.includes(receipt.seq)) return;
    numbers.push(receipt.seq);
    if (numbers.length > NUMBERS_KEPT) numbers.shift();
    const { verb, outcome, refusal, failure, tookMs } = receipt;
    this.#o.onSeen({
      is: 'receipt',
      host: host.name,
      verb,
      outcome,
      code: refusal?.code ?? failure?.code,
      tookMs,
    });
  }
}
