import { asNsError, refusal, seconds, toHex, type Verdict } from '../base/index.ts';
import type { BusMessage, Clock, LogSink, MeasureSink, Stop } from '../ports/index.ts';
import { LIMITS, type Order } from '../protocol/index.ts';
import { authoriseAll, checkAudience, type KeyringView, openOrder, withinGrants } from '../security/index.ts';
import type { AdmittedOrder, DeviceIdentity, TaskDesk } from '../tasks/index.ts';
import type { Outbox } from './outbox.ts';
import type { ReplyJitter } from './reply-jitter.ts';
import { TokenBucket } from './token-bucket.ts';

export interface IntakeParts {
  readonly clock: Clock;
  readonly keyring: KeyringView;
  readonly desk: TaskDesk;
  readonly log: LogSink;
  readonly measures?: MeasureSink | undefined;
  readonly identity: DeviceIdentity;
  readonly outbox: Outbox;
  readonly jitter: ReplyJitter;
  readonly stopped: AbortSignal;
  readonly giveNonce: () => Uint8Array;
  readonly timeFor: (order: Pick<Order, 'verb'>) => number;
  /** Until stopped, blocks make room for an order that cannot wait. */
  readonly standBack: () => Stop;
  /** Writes a refusal into the audit log; does not wait for it. */
  readonly audit: RefusalAudit;
}

/** What happened, to which order, by whose key where that is certain. */
export type RefusalAudit = (event: string, detail: string, by?: Uint8Array) => void;

/** Answers to what is not authentic: beyond this rate it is only counted, so that junk buys no traffic and no signatures. */
const JUNK_RATE = { perSecond: 10, burst: 20 };
/** Answers to authentic orders that were answered before or are refused: beyond this rate the next order waits. */
const REPEAT_RATE = { perSecond: 50, burst: 600 };
const REPEAT_WAIT = seconds(1);

/** Refusals that are written down: beyond this rate they are only counted, so that nobody can wash the log clean with them. */
const AUDIT_RATE = { perSecond: 0.1, burst: 32 };

type Opened =
  | { readonly is: 'order'; readonly admitted: AdmittedOrder }
  | {
      readonly is: 'refused';
      readonly verdict: Verdict<never> & { ok: false };
      readonly id?: Uint8Array;
      readonly authentic: boolean;
      /** The key that signed, where its signature holds. */
      readonly by?: Uint8Array;
    };

/** From a packet on an order topic to the journal, or to a refusal. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #junk = new TokenBucket(JUNK_RATE);
  readonly #repeats = new TokenBucket(REPEAT_RATE);
  readonly #audits = new TokenBucket(AUDIT_RATE);
  #silenced = 0;
  #unaudited = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Packets that were refused without an answer. */
  get silenced(): number {
    return this.#silenced;
  }

  /**
   * Resolves when the packet needs no second delivery: its order is in the journal, or it is refused. Rejects where
   * the journal failed, so that the broker keeps it.
   */
  async receive(message: BusMessage): Promise<void> {
    const opened = this.#open(message);
    if (opened.is === 'refused') {
      await this.#refuse(message.payload, opened);
      return;
    }
    const { order } = opened.admitted;
    if (order.aud.to === 'group') this.#parts.jitter.hold(order.id);
    const goOn = order.verb === 'machine.disable' ? this.#parts.standBack() : undefined;
    const submission = await this.#parts.desk.submit(opened.admitted).finally(() => goOn?.());
    switch (submission.is) {
      case 'accepted':
        if (!submission.ended) this.#parts.outbox.accepted(order.id);
        return;
      case 'known':
        await this.#pace();
        if (submission.receipt !== undefined) this.#parts.outbox.receipt(order.id, submission.receipt);
        else this.#parts.outbox.accepted(order.id);
        if (submission.staged !== undefined) this.#parts.outbox.staged(submission.staged);
        return;
      case 'refused':
        await this.#refuse(message.payload, {
          verdict: { ok: false, refusal: submission.refusal },
          id: order.id,
          authentic: true,
          by: order.iss,
        });
        return;
    }
  }

  #open(message: BusMessage): Opened {
    if (message.retained) return unauthentic({ ok: false, refusal: refusal('RETAINED') });
    try {
      return this.#judge(message.payload);
    } catch (error) {
      // A bug of ours, found by somebody's packet. Delivered again it would only find it again.
      this.#parts.log.log('error', 'intake-failed', { error: asNsError(error).message });
      return unauthentic({ ok: false, refusal: refusal('MESSAGE_INVALID', 'The order could not be read.') });
    }
  }

  #judge(packet: Uint8Array): Opened {
    const { identity, keyring, timeFor } = this.#parts;
    const opened = openOrder(packet, keyring.current, { tenant: identity.tenant, sizeCap: LIMITS.order });
    if (!opened.ok) return unauthentic(opened, opened.id, opened.by);
    const { order, packetHash, signer, cosigners } = opened.value;
    const audience = checkAudience(order, identity.device, identity.groups);
    const by = order.iss;
    if (!audience.ok) return { is: 'refused', verdict: audience, id: order.id, authentic: true, by };
    const signers = [signer, ...cosigners];
    const permitted = authoriseAll(signers, order, { via: 'mqtt' });
    if (!permitted.ok) return { is: 'refused', verdict: permitted, id: order.id, authentic: true, by };
    const { device, groups } = identity;
    const granted = withinGrants(signers, order, {
      device,
      groups,
      power: 'later',
      now: timeFor(order),
    });
    if (!granted.ok) return { is: 'refused', verdict: granted, id: order.id, authentic: true, by };
    return { is: 'order', admitted: { order, packet, packetHash, issuer: signer, cosigners } };
  }

  async #refuse(packet: Uint8Array, refused: Omit<Opened & { is: 'refused' }, 'is'>): Promise<void> {
    const { refusal: why } = refused.verdict;
    this.#parts.measures?.take({ of: 'rejection', code: why.code });
    if (refused.authentic) await this.#pace();
    else if (!this.#junk.take(this.#parts.clock.monotonic())) {
      this.#silenced += 1;
      return;
    }
    this.#parts.log.log('warn', 'order-refused', {
      code: why.code,
      sentence: why.sentence,
      ...(refused.id === undefined ? {} : { order: toHex(refused.id) }),
      ...(this.#silenced === 0 ? {} : { silenced: this.#silenced }),
    });
    // Whoever is known may give the order again, bound to no wall clock.
    const nonce = refused.authentic ? this.#parts.giveNonce() : undefined;
    this.#parts.outbox.rejected(packet, why, refused.id, nonce);
    this.#audit(why.code, refused);
  }

  #audit(code: string, { id, by }: Omit<Opened & { is: 'refused' }, 'is'>): void {
    if (!this.#audits.take(this.#parts.clock.monotonic())) {
      this.#unaudited += 1;
      return;
    }
    const missed = this.#unaudited === 0 ? '' : `; ${this.#unaudited} refusals before were not written down`;
    this.#unaudited = 0;
    const subject = id === undefined ? 'packet' : toHex(id).slice(0, 8);
    this.#parts.audit('order.rejected', `${subject} ${code}${missed}`, by);
  }

  /** Somebody who repeats authentic orders gets his answers no faster than this, and neither does anyone behind him. */
  async #pace(): Promise<void> {
    const { clock, stopped } = this.#parts;
    const wait = this.#repeats.reserve(clock.monotonic(), REPEAT_WAIT);
    if (wait === 0) return;
    await clock.sleep(wait ?? REPEAT_WAIT, stopped).catch(() => undefined);
  }
}

function unauthentic(verdict: Verdict<never> & { ok: false }, id?: Uint8Array, by?: Uint8Array): Opened {
  return {
    is: 'refused',
    verdict,
    ...(id === undefined ? {} : { id }),
    ...(by === undefined ? {} : { by }),
    authentic: id !== undefined,
  };
}
