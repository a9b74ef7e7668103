import { createHash } from 'node:crypto';
import { asNsError, type Duration, Turns, toHex } from '../base/index.ts';
import type { KeyStore, LogSink } from '../ports/index.ts';
import { type DeviceEvent, LIMITS, PROTOCOL_VERSION, type Receipt } from '../protocol/index.ts';
import { signEvent } from '../security/index.ts';
import type { Issuer } from './desk.ts';
import { remedyOf } from './failure-remedies.ts';
import type { Journal, JournalRecord } from './journal/index.ts';
import type { DeviceIdentity } from './services.ts';
import type { TerminalEnd } from './stop.ts';

type PowerPoints = Receipt['power'];

/** Which order an answer belongs to. */
export interface ReceiptSubject {
  readonly id: Uint8Array;
  readonly verb: string;
  readonly issuer: Uint8Array;
  readonly packetHash: Uint8Array;
  readonly trace?: string | undefined;
  /** All who signed it; absent where that can no longer be told. */
  readonly askers?: readonly Issuer[];
}

/** What stands in a receipt of the device at the moment of signing. */
export type ReceiptMoment = () => Required<Pick<Receipt, 'clock' | 'audit'>>;

export interface EndedTask {
  readonly subject: ReceiptSubject;
  readonly end: TerminalEnd;
  readonly power: PowerPoints;
  readonly receivedAt: number;
  readonly took: Duration;
}

/**
 * Writes receipts: each signed, numbered, and bound to the one before. One at a time, since each needs the hash of the
 * last; a receipt is published only when it is durable, so two receipts with one number never exist outside.
 */
export class ReceiptWriter {
  readonly #keyStore: KeyStore;
  readonly #identity: DeviceIdentity;
  readonly #journal: Journal;
  readonly #log: LogSink;
  readonly #moment: ReceiptMoment;
  #seq: number;
  #prev: Uint8Array;
  readonly #turns = new Turns();

  constructor(
    keyStore: KeyStore,
    identity: DeviceIdentity,
    journal: Journal,
    log: LogSink,
    moment: ReceiptMoment,
  ) {
    this.#keyStore = keyStore;
    this.#identity = identity;
    this.#journal = journal;
    this.#log = log;
    this.#moment = moment;
    const last = [...journal.orders()].reduce<{ seq: number; receipt: Uint8Array } | undefined>(
      (best, { done }) => (done !== undefined && done.seq >= (best?.seq ?? 0) ? done : best),
      undefined,
    );
    this.#seq = last?.seq ?? 0;
    this.#prev = last === undefined ? new Uint8Array(32) : sha256(last.receipt);
  }

  /** Signs and journals the receipt, in the order of calls. `received` goes into the journal with it where given. */
  write(task: EndedTask, received?: JournalRecord): Promise<Uint8Array> {
    return this.#turns.take(() => this.#write(task, received));
  }

  async #write(task: EndedTask, received?: JournalRecord): Promise<Uint8Array> {
    const { id, packetHash } = task.subject;
    const receipt = await this.#sign(task);
    this.#seq += 1;
    this.#prev = sha256(receipt);
    const done = { r: 'done', id, hash: packetHash, receipt, seq: this.#seq } as const;
    await this.#journal.append(...(received === undefined ? [done] : [received, done]));
    return receipt;
  }

  async #sign(task: EndedTask): Promise<Uint8Array> {
    try {
      return await signEvent(this.#body(task, task.end), this.#keyStore, this.#identity.tenant);
    } catch (error) {
      // A result past the size of an event is a fault of the task; the order still gets its one answer.
      const failure = {
        code: asNsError(error).code,
        sentence: `The result could not be put into a receipt of ${LIMITS.event} bytes.`,
      };
      this.#log.log('error', 'receipt-unsignable', {
        order: toHex(task.subject.id),
        code: failure.code,
        verb: task.subject.verb,
      });
      return signEvent(this.#body(task, { is: 'failed', failure }), this.#keyStore, this.#identity.tenant);
    }
  }

  #body({ subject, power, receivedAt, took }: EndedTask, end: EndedTask['end']): DeviceEvent {
    return {
      v: PROTOCOL_VERSION,
      device: this.#identity.device,
      boot: this.#identity.boot,
      event: 'receipt',
      id: subject.id,
      verb: subject.verb,
      order: subject.packetHash,
      issuer: subject.issuer,
      ...(subject.trace === undefined ? {} : { trace: subject.trace }),
      ...(subject.askers === undefined ? {} : { askers: subject.askers.map(askerOf) }),
      outcome: end.is,
      ...('refusal' in end ? { refusal: end.refusal } : {}),
      ...('failure' in end ? { failure: { ...end.failure, remedy: remedyOf(end.failure.code) } } : {}),
      ...('result' in end ? { result: end.result } : {}),
      power: [...power],
      receivedAt,
      tookMs: Math.max(0, Math.round(took)),
      ...this.#moment(),
      seq: this.#seq + 1,
      prev: this.#prev,
    };
  }
}

function askerOf({ keyId, name, person, role, through }: Issuer): NonNullable<Receipt['askers']>[number] {
  return {
    key: keyId,
    name,
    ...(person === undefined ? {} : { person }),
    role,
    ...(through === undefined ? {} : { through: through.map((giver) => giver.keyId) }),
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}
