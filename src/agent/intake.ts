import { createHash } from 'node:crypto';
import { asNsError, refusal, toHex, type Verdict } from '../base/index.ts';
import type { BusMessage, Clock, LogSink, MeasureSink, Stop } from '../ports/index.ts';
import { LIMITS, type Order } from '../protocol/index.ts';
import { authoriseAll, checkAudience, type KeyringView, openOrder, withinGrants } from '../security/index.ts';
import type { AdmittedOrder, DeviceIdentity, Submission, TaskDesk } from '../tasks/index.ts';
import type { Outbox } from './outbox.ts';
import { RepeatAnswers } from './repeat-answers.ts';
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

type Refused = Omit<Opened & { is: 'refused' }, 'is'>;
type Known = Omit<Submission & { is: 'known' }, 'is'>;

/** From a packet on an order topic to the journal, or to a refusal. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #junk = new TokenBucket(JUNK_RATE);
  readonly #repeats: RepeatAnswers;
  readonly #audits = new TokenBucket(AUDIT_RATE);
  #silenced = 0;
  #unaudited = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#repeats = new RepeatAnswers(parts.clock, parts.stopped);
  }

  /** Packets that got no answer: refused, or known already, while too many answers waited. */
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
      this.#refuse(message.payload, opened);
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
      case 'known': {
        const said = this.#repeats.give(toHex(order.id), (late) => {
          if (late) void this.#tellAgain(opened.admitted);
          else this.#tell(order.id, submission);
        });
        if (!said) this.#silenced += 1;
        return;
      }
      case 'refused':
        this.#refuse(message.payload, {
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

  #tell(id: Uint8Array, { receipt, staged }: Known): void {
    const { outbox } = this.#parts;
    if (receipt !== undefined) outbox.receipt(id, receipt);
    else outbox.accepted(id);
    if (staged !== undefined) outbox.staged(staged);
  }

  /** The order may have ended while the answer waited. */
  async #tellAgain(admitted: AdmittedOrder): Promise<void> {
    try {
      const submission = await this.#parts.desk.submit(admitted);
      if (submission.is === 'known') this.#tell(admitted.order.id, submission);
    } catch {
      // Own storage has failed, which ends the agent.
    }
  }

  #refuse(packet: Uint8Array, refused: Refused): void {
    this.#parts.measures?.take({ of: 'rejection', code: refused.verdict.refusal.code });
    const hash = packetHashOf(packet);
    const said = refused.authentic
      ? this.#repeats.give(toHex(hash), () => this.#sayRefused(hash, refused))
      : this.#junk.take(this.#parts.clock.monotonic());
    if (!said) this.#silenced += 1;
    else if (!refused.authentic) this.#sayRefused(hash, refused);
  }

  #sayRefused(packetHash: Uint8Array, refused: Refused): void {
    const { refusal: why } = refused.verdict;
    this.#parts.log.log('warn', 'order-refused', {
      code: why.code,
      sentence: why.sentence,
      ...(refused.id === undefined ? {} : { order: toHex(refused.id) }),
      ...(this.#silenced === 0 ? {} : { silenced: this.#silenced }),
    });
    // Whoever is known may give the order again, bound to no wall clock.
    const nonce = refused.authentic ? this.#parts.giveNonce() : undefined;
    this.#parts.outbox.rejected(packetHash, why, refused.id, nonce);
    this.#audit(why.code, refused);
  }

  #audit(code: string, { id, by }: Refused): void {
    if (!this.#audits.take(this.#parts.clock.monotonic())) {
      this.#unaudited += 1;
      return;
    }
    const missed = this.#unaudited === 0 ? '' : `; ${this.#unaudited} refusals before were not written down`;
    this.#unaudited = 0;
    const subject = id === undefined ? 'packet' : toHex(id).slice(0, 8);
    this.#parts.audit('order.rejected', `${subject} ${code}${missed}`, by);
  }
}

function packetHashOf(packet: Uint8Array): Uint8Array {
  return createHash('sha256').update(packet).digest();
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
