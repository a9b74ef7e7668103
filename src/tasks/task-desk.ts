import { asNsError, equalBytes, milliseconds, type Refusal, refusal, toHex } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import type { Verb } from '../protocol/index.ts';
import { counterWindow } from '../security/index.ts';
import type { AdmittedOrder, Submission, TaskDesk, TaskEvent } from './desk.ts';
import type { DeskOptions } from './desk-options.ts';
import { withHeadStart } from './head-start.ts';
import { type Job, makeJob, runTraced, type TracedEnd } from './job.ts';
import { JobLine } from './job-line.ts';
import type { JournalRecord, ReceivedRecord } from './journal/index.ts';
import { orderFields } from './order-surroundings.ts';
import { type ReceiptSubject, ReceiptWriter } from './receipts.ts';
import { ResourceLocks } from './resource-lock.ts';
import type { RunEnvironment } from './run-task.ts';
import { stopReasons, type TaskEnd, type TerminalEnd } from './stop.ts';
import type { TaskKind } from './task.ts';
import { tellEnd } from './tell-end.ts';
import { ToldNotes } from './told-notes.ts';

/** Room above maxOpen for the orders that must always get in. */
const PRIORITY_ROOM = 8;

const EVENT_LISTENERS_MAX = 8;

/**
 * Takes orders, runs their tasks, answers each once. Invariants: an accepted order is on stable storage and gets
 * exactly one receipt, across restarts; the same packet gets the same receipt again; another packet under the same id
 * gets nothing done; machine.disable waits for nobody.
 */
export class Desk implements TaskDesk {
  readonly #o: DeskOptions;
  readonly #clock: Clock;
  readonly #receipts: ReceiptWriter;
  readonly #told: ToldNotes;
  readonly #environment: RunEnvironment;
  readonly #listeners = new Set<(event: TaskEvent) => void>();
  readonly #taking = new Map<string, Promise<Submission>>();
  readonly #line: JobLine<TaskEnd['is'] | 'unanswered'>;

  constructor(options: DeskOptions) {
    this.#o = options;
    this.#clock = options.services.clock;
    this.#receipts = new ReceiptWriter(
      options.keyStore,
      options.services.identity,
      options.journal,
      options.services.log,
      () => ({
        clock: { floor: options.freshness.floor, upMs: Math.max(0, Math.floor(this.#clock.monotonic())) },
        audit: { ...options.services.audit.head },
      }),
    );
    this.#told = new ToldNotes(options.journal, this.#clock, options.services.log);
    this.#environment = {
      services: options.services,
      journal: options.journal,
      locks: new ResourceLocks(),
      emit: (event) => this.#emit(event),
      stands: options.stands,
      inTime: (order) => options.freshness.inTime(order, this.#now()),
    };
    this.#line = new JobLine({
      maxRunning: options.maxRunning,
      clock: this.#clock,
      run: (job) => this.#run(job),
      over: (job, is) => {
        if (is === 'waits') options.services.staged?.letGo(job, this.#environment);
        else options.services.tasks.remove(job.row.id);
      },
    });
  }

  /** For what is no task and uses what tasks do: takes what nobody holds or waits for, or gives undefined. Never waits. */
  tryClaim(name: string): (() => void) | undefined {
    return this.#environment.locks.tryClaim(name);
  }

  onEvent(listener: (event: TaskEvent) => void): Stop {
    if (this.#listeners.size >= EVENT_LISTENERS_MAX)
      throw new RangeError('too many listeners of task events');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  untold(): readonly { readonly id: Uint8Array; readonly packet: Uint8Array }[] {
    return [...this.#o.journal.orders()]
      .flatMap(({ done, told }) => (done === undefined || told ? [] : [done]))
      .sort((a, b) => a.seq - b.seq)
      .map(({ id, receipt }) => ({ id, packet: receipt }));
  }

  told(id: Uint8Array): void {
    this.#told.note(id);
  }

  /** Takes up what a restart left open, oldest first. */
  async resume(): Promise<void> {
    for (const journaled of [...this.#o.journal.orders()]) {
      const { received, done } = journaled;
      if (received === undefined || done !== undefined) continue;
      const reopened = this.#o.reopen(received.packet);
      if (reopened.ok) this.#start(reopened.value, received.at, true);
      else await this.#answerUnopened(received, reopened.refusal);
    }
    await this.#o.services.staged?.start();
  }

  /**
   * Another keyring is in force: what may no longer be done is stopped. What has not begun is answered when its turn
   * comes; tasks that manage the device are over sooner than they could be stopped.
   */
  reconsider(): void {
    for (const { admitted, kind, stopping } of this.#line.running()) {
      const standing = kind.pace === 'queued' ? this.#o.stands?.begins(admitted, 'later') : undefined;
      if (standing?.ok === false) stopping.abort(stopReasons.withdrawn(standing.refusal));
    }
    this.#o.services.staged?.reconsider();
  }

  /** False where a task goes on long past its deadline: it was told to stop, and did not. */
  makesProgress(): boolean {
    return this.#line.makesProgress();
  }

  /** Stops all tasks where they are; what is open goes on at the next start. */
  async stop(): Promise<void> {
    this.#o.services.staged?.halt();
    this.#line.stop();
    await Promise.allSettled(this.#taking.values());
    await this.#line.ended();
    await this.#o.services.staged?.store();
    await this.#told.stop();
  }

  submit(admitted: AdmittedOrder): Promise<Submission> {
    const key = toHex(admitted.order.id);
    const taking = this.#taking.get(key);
    // What became of the one before decides: taken, this one is known; refused, this one is judged by itself.
    if (taking !== undefined) return taking.then(() => this.submit(admitted));
    const known = this.#known(admitted);
    if (known !== undefined) return Promise.resolve(known);
    const submission = this.#take(admitted)
      .catch((error: unknown) => {
        this.#o.onFatal(asNsError(error));
        throw error;
      })
      .finally(() => this.#taking.delete(key));
    this.#taking.set(key, submission);
    return submission;
  }

  #known({ order, packetHash }: AdmittedOrder): Submission | undefined {
    const journaled = this.#o.journal.get(order.id);
    if (journaled === undefined) return undefined;
    if (!equalBytes(journaled.hash, packetHash)) return { is: 'refused', refusal: refusal('ID_CONFLICT') };
    const done = this.#o.journal.answer(order.id);
    if (done !== undefined) return { is: 'known', receipt: done.receipt };
    const staged = this.#o.services.staged?.note(order.id);
    return { is: 'known', ...(staged === undefined ? {} : { staged }) };
  }

  #now(): { readonly wallSeconds: number; readonly monotonic: number } {
    return { wallSeconds: this.#clock.wallSeconds(), monotonic: this.#clock.monotonic() };
  }

  async #take(admitted: AdmittedOrder): Promise<Submission> {
    const { order, packet, packetHash } = admitted;
    const kind = this.#o.registry[order.verb] as TaskKind<Verb> | undefined;
    const no = (reason: Refusal): Submission => ({ is: 'refused', refusal: reason });
    if (this.#line.stopped) return no(refusal('QUEUE_FULL', 'The agent is stopping.'));
    if (kind === undefined) return no(refusal('NOT_SUPPORTED', `This device does not do ${order.verb}.`));
    const limit = this.#o.maxOpen + (kind.pace === 'instant' ? PRIORITY_ROOM : 0);
    if (this.#o.journal.openCount >= limit) return no(refusal('QUEUE_FULL'));
    if (!(await this.#o.journal.admits(packet.byteLength))) return no(refusal('JOURNAL_FULL'));
    const receivedAt = this.#clock.wallSeconds();
    const fresh = this.#o.freshness.judge(order, this.#now());
    if (!fresh.ok) return no(fresh.refusal);
    const { budget } = this.#o.services;
    const token = budget.judge(order, [admitted.issuer, ...(admitted.cosigners ?? [])]);
    if (!token.ok) {
      // It may show that somebody signs more tokens than there are.
      if (order.token !== undefined) await budget.hear(order.token);
      return no(token.refusal);
    }
    const staged = this.#o.services.staged?.judge(order);
    if (staged?.ok === false) return no(staged.refusal);
    const window = counterWindow(order);
    this.#o.freshness.remember(window, order.ctr);
    const received = {
      r: 'received',
      id: order.id,
      packet,
      hash: packetHash,
      at: receivedAt,
      iss: order.iss,
      ctr: order.ctr,
      ...(equalBytes(window, order.iss) ? {} : { window }),
    } as const;
    // Before the journal: cut off in between, the same order still has its token, and no other can use it.
    if (token.value !== undefined) await budget.spend(order, token.value);
    if (kind.pure) {
      const job = makeJob(admitted, kind, receivedAt, this.#o.services);
      const quick = await withHeadStart(job, this.#environment, this.#clock);
      if (quick !== undefined) {
        await this.#answer(job, quick.end, quick.power, received);
        return { is: 'accepted', ended: true };
      }
    }
    await this.#o.journal.append(received);
    this.#o.services.log.log('debug', 'order.accepted', { ...orderFields(order), verb: order.verb });
    this.#start(admitted, receivedAt);
    return { is: 'accepted', ended: false };
  }

  #start(admitted: AdmittedOrder, receivedAt: number, resumed = false): void {
    const kind = this.#o.registry[admitted.order.verb] as TaskKind<Verb> | undefined;
    // Once stopped, what is in the journal waits for the next start.
    if (kind === undefined || this.#line.stopped) return;
    const job = makeJob(admitted, kind, receivedAt, this.#o.services);
    this.#o.services.tasks.add(job.row, (reason) => job.stopping.abort(reason));
    const again = (job: Job) => this.#line.add(job);
    if (this.#o.services.staged?.takeIn(job, this.#environment, resumed, again) === 'waits') return;
    if (kind.pace === 'instant') this.#line.launch(job);
    else this.#line.add(job);
  }

  async #run(job: Job): Promise<TaskEnd['is'] | 'unanswered'> {
    try {
      const { end, power } = await runTraced(job, this.#environment);
      if (end.is === 'waits') job.row.state = 'accepted';
      else if (end.is !== 'interrupted') await this.#answer(job, end, power);
      return end.is;
    } catch (cause) {
      const error = asNsError(cause);
      this.#o.services.log.log('error', 'task-unanswered', {
        ...orderFields(job.admitted.order),
        verb: job.row.verb,
        error: error.message,
      });
      this.#o.onFatal(error);
      return 'unanswered';
    }
  }

  async #answer(
    job: Job,
    end: TerminalEnd,
    power: TracedEnd['power'],
    received?: JournalRecord,
  ): Promise<void> {
    const took = await tellEnd(job, end, this.#o.services);
    const receipt = await this.#receipts.write(
      { subject: subjectOf(job.admitted), end, power: [...power], receivedAt: job.receivedAt, took },
      received,
    );
    this.#emit({ kind: 'receipt', id: job.row.id, packet: receipt });
    await this.#o.services.staged?.answered(job, this.#environment, end);
  }

  /** An order that was taken in and may no longer be obeyed (its key is gone, say) is still answered. */
  async #answerUnopened(received: ReceivedRecord, reason: Refusal): Promise<void> {
    const subject = { id: received.id, verb: 'unknown', issuer: received.iss, packetHash: received.hash };
    const end = { is: 'refused', refusal: reason } as const;
    const receipt = await this.#receipts.write({
      subject,
      end,
      power: [],
      receivedAt: received.at,
      took: milliseconds(0),
    });
    this.#emit({ kind: 'receipt', id: received.id, packet: receipt });
  }

  #emit(event: TaskEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function subjectOf({ order, packetHash, issuer, cosigners = [] }: AdmittedOrder): ReceiptSubject {
  const askers = [issuer, ...cosigners];
  return { id: order.id, verb: order.verb, issuer: order.iss, packetHash, trace: order.trace, askers };
}
