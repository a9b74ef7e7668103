import { createHash } from 'node:crypto';
import type { KeptReceipt } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { DeviceEvent, Receipt } from '../../src/protocol/index.ts';
import {
  type AuditEntry,
  type AuditHead,
  appendEntry,
  GENESIS,
  signEvent,
  signOrder,
} from '../../src/security/index.ts';
import { testKey } from './keys.ts';
import { testOrder } from './orders.ts';

const TENANT = 'acme';
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

/** What an order asked, and what the receipt says otherwise than the usual. */
export interface Given {
  readonly key?: KeyStore;
  readonly cosigners?: readonly KeyStore[];
  readonly order?: Record<string, unknown>;
  readonly receipt?: Partial<Receipt>;
}

/** A device that signs receipts and keeps an audit log, without a machine: its state can be copied, put back and forged. */
export class Witness {
  readonly key = testKey();
  readonly operator = testKey();
  readonly auditor = testKey();
  readonly boot = new Uint8Array(16).fill(5);
  seq = 0;
  prev: Uint8Array = new Uint8Array(32);
  head: AuditHead = GENESIS;
  entries: AuditEntry[] = [];
  /** Hash before each entry. */
  before: Uint8Array[] = [];
  now = 1_700_000_000;

  /** A copy of its state, as a backup is one. */
  backup(): () => void {
    const { seq, prev, head, entries, before } = this;
    const copy = { seq, prev, head, entries: [...entries], before: [...before] };
    return () => void Object.assign(this, { ...copy, entries: [...copy.entries], before: [...copy.before] });
  }

  append(detail: string): void {
    const entry = { at: this.now, event: 'order.succeeded', by: this.operator.publicKey.keyId, detail };
    this.entries.push({ ...entry, seq: this.head.seq });
    this.before.push(this.head.hash);
    this.head = appendEntry(this.head, entry).head;
  }

  /** An order, its task entered in the log, and its receipt. */
  async give({
    key = this.operator,
    cosigners = [],
    order: change = {},
    receipt: says = {},
  }: Given = {}): Promise<KeptReceipt> {
    this.now += 10;
    const order = testOrder(key, change);
    const packet = await signOrder(order, key, TENANT, cosigners);
    if (order.verb !== 'audit.read') this.append(order.verb);
    const sealed = await this.seal({
      event: 'receipt',
      id: order.id,
      verb: order.verb,
      order: sha256(packet),
      issuer: order.iss,
      askers: [
        key === this.auditor
          ? { key: order.iss, name: 'ada', role: 'auditor' }
          : { key: order.iss, name: 'olga', role: 'operator' },
      ],
      outcome: 'succeeded',
      power: [
        { at: 0, state: 'S5', certain: true },
        { at: 3, state: 'S5', certain: true },
      ],
      receivedAt: this.now,
      tookMs: 3,
      clock: { floor: 1_600_000_000, upMs: 1000 },
      audit: { ...this.head },
      seq: this.seq + 1,
      prev: this.prev,
      ...says,
    });
    this.seq += 1;
    this.prev = sha256(sealed);
    return { tenant: TENANT, device: 'host1', order: packet, receipt: sealed };
  }

  /** An answer to audit.read, with these entries of the log. */
  async readLog(from = 0, to = this.entries.length): Promise<KeptReceipt> {
    const entries = this.entries.slice(from, to);
    const head = this.before[to] ?? this.head.hash;
    const before = this.before[from] ?? this.head.hash;
    const result = { head, before, entries };
    return this.give({
      key: this.auditor,
      order: { verb: 'audit.read', args: {} },
      receipt: { result },
    });
  }

  seal(event: Record<string, unknown>): Promise<Uint8Array> {
    return signEvent({ v: 1, device: 'host1', boot: this.boot, ...event } as DeviceEvent, this.key, TENANT);
  }
}
