import { asNsError } from '../../base/index.ts';
import type { ChainLink, LogSink } from '../../ports/index.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';
import { findInTable, type Side, type SyncFinding } from './findings.ts';
import { decodeMessage, type Sender, type SyncMessage } from './message.ts';
import { Neighbour } from './neighbour.ts';
import { NewsJudge } from './news.ts';
import type { OwnFacts, UnitFacts } from './own-facts.ts';
import { OwnRecord } from './own-record.ts';
import { Place } from './place.ts';
import { answer, inStep, opening, recordsOf } from './reconcile.ts';
import { LAST_EPOCH, type SyncNotice, type SyncRecord } from './record.ts';
import { StateTable, type TableRow } from './table.ts';

export interface UnitSyncOptions {
  readonly unit: string;
  /** The chain that the unit is enrolled in, as it is now. */
  readonly chain: () => string | undefined;
  readonly facts: () => UnitFacts;
  readonly scheduler: Scheduler;
  readonly log: LogSink;
  /** Absent in the head: above it is the host. */
  readonly above?: ChainLink;
  readonly below?: ChainLink;
  /** Between two exchanges of digests; by default 1 s, or 20 round trips of the slower link where that is longer. */
  readonly period?: Nanoseconds;
  readonly capacity?: number;
}

const PERIOD = 1000;
const ROUND_TRIPS = 20;
/** Periods without a word after which a neighbour is taken for gone. */
const SILENCE = 5;
/** News wait so long for more, so that many changes at once travel together. */
const GATHER = millis(1);
/** Times in one run that we speak over a later record of ours that we did not write; so many mean that there are two. */
const OVERRULES = 6;
const OVERRULES_OF_TWO = 3;

/**
 * One unit's part in keeping the tables of a chain the same. News go on at once, gathered for a millisecond; whatever is
 * lost on the way is found by an exchange of digests with each neighbour, every period and after every connection.
 */
export class UnitSync {
  readonly table: StateTable;
  readonly #options: UnitSyncOptions;
  readonly #period: Nanoseconds;
  readonly #neighbours: readonly Neighbour[];
  readonly #own: OwnRecord;
  readonly #place: Place;
  readonly #judge = new NewsJudge();
  readonly #listeners = new Set<() => void>();
  #overrules = 0;
  #stopped = false;
  #stopTimer: (() => void) | undefined;
  #stopGather: (() => void) | undefined;

  constructor(options: UnitSyncOptions) {
    this.#options = options;
    const { above, below } = options;
    const slowest = Math.max(...[above, below].map((link) => link?.capabilities.roundTrip ?? 0));
    this.#period = options.period ?? millis(Math.max(PERIOD, ROUND_TRIPS * slowest));
    this.table = new StateTable(options.capacity);
    this.#own = new OwnRecord(options.unit, options.scheduler);
    this.#place = new Place(above === undefined);
    this.#neighbours = [
      ...(above === undefined ? [] : [new Neighbour('above', above, options.scheduler)]),
      ...(below === undefined ? [] : [new Neighbour('below', below, options.scheduler)]),
    ];
  }

  get unit(): string {
    return this.#options.unit;
  }

  start(): void {
    this.#publish();
    for (const neighbour of this.#neighbours) {
      neighbour.listen(
        (bytes) => this.#heard(neighbour, bytes),
        (connected) => this.#connection(neighbour, connected),
      );
    }
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer?.();
    this.#stopGather?.();
    for (const neighbour of this.#neighbours) neighbour.stop();
  }

  /** The unit's registers may have changed. */
  touched(): void {
    this.#flushSoon();
  }

  /** Called after each change of the table. Must not block. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins an exchange with both neighbours, who begin one with theirs. */
  exchange(): void {
    this.#publish();
    for (const neighbour of this.#neighbours) this.#say(neighbour, opening(this.table, true));
  }

  /**
   * These units are gone for good. Their records stay, marked, so that old news of them cannot bring them back; a unit
   * that speaks again is back. Findings of members that moved are dealt with.
   */
  depart(units: readonly string[]): void {
    for (const unit of units) {
      const row = this.table.row(unit);
      if (row === undefined || row.departed || unit === this.unit) continue;
      this.#take({ ...row.record, departed: true }, 'self', undefined);
    }
    this.#judge.forget();
    this.table.forgetRefused();
    this.#place.forget();
  }

  /** Whether both neighbours were last heard to know exactly what we know; a side without a neighbour is in step. */
  get inStep(): boolean {
    return this.#neighbours.every((neighbour) => !neighbour.heard || neighbour.inStep === true);
  }

  findings(): readonly SyncFinding[] {
    return [
      ...this.#neighbours.flatMap((neighbour) => neighbour.findings()),
      ...(this.#place.misplaced === undefined ? [] : [this.#place.misplaced]),
      ...this.#judge.findings(),
      ...findInTable(this.table.rows(), this.unit),
      ...[...this.table.refused].map(
        (unit) => ({ is: 'table-full', unit, capacity: this.table.size }) as const,
      ),
    ];
  }

  #tick(): void {
    const now = this.#options.scheduler.now();
    for (const neighbour of this.#neighbours) {
      if (neighbour.unit !== undefined && now - neighbour.heardAt > this.#period * SILENCE)
        neighbour.silent();
      neighbour.talk = true;
    }
    this.#flush();
    this.#stopTimer = this.#options.scheduler.after(this.#period, () => this.#tick());
  }

  #connection(neighbour: Neighbour, connected: boolean): void {
    neighbour.connected = connected;
    if (!connected) neighbour.silent();
    neighbour.talk = connected;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (!this.#stopped) this.#stopGather ??= this.#options.scheduler.after(GATHER, () => this.#flush());
  }

  #flush(): void {
    this.#stopGather?.();
    this.#stopGather = undefined;
    this.#publish();
    for (const neighbour of this.#neighbours) {
      const rows = neighbour.takeWaiting().flatMap((unit) => this.table.row(unit) ?? []);
      const records = neighbour.connected ? recordsOf(rows, neighbour.room) : [];
      neighbour.send(this.#sender, records);
      if (neighbour.talk) this.#say(neighbour, opening(this.table, false));
      neighbour.talk = false;
    }
  }

  #say(neighbour: Neighbour, ...bodies: Parameters<Neighbour['send']>[1]): void {
    neighbour.send(this.#sender, bodies);
  }

  get #sender(): Sender {
    return { unit: this.unit, chain: this.#options.chain(), position: this.#place.position };
  }

  #heard(neighbour: Neighbour, bytes: Uint8Array): void {
    let message: SyncMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      neighbour.malformed += 1;
      if (neighbour.malformed === 1)
        this.#options.log.log('warn', 'chain.sync-malformed', {
          link: neighbour.link.name,
          error: asNsError(error).sentence,
        });
      this.#flushSoon();
      return;
    }
    if (!this.#greet(neighbour, message.from)) return;
    this.#obey(neighbour, message);
  }

  /** Whether what this sender says is to be taken. */
  #greet(neighbour: Neighbour, from: Sender): boolean {
    const ours = this.#options.chain();
    const before = { unit: neighbour.unit, stranger: neighbour.stranger };
    neighbour.heardAt = this.#options.scheduler.now();
    neighbour.unit = from.unit;
    neighbour.chain = from.chain;
    neighbour.stranger = ours !== undefined && from.chain !== undefined && from.chain !== ours;
    if (before.unit !== neighbour.unit || before.stranger !== neighbour.stranger) this.#flushSoon();
    if (neighbour.stranger) return false;
    const both = this.#neighbours.length === 2 && this.#neighbours.every((each) => each.unit === from.unit);
    if (from.unit === this.unit || both) this.#judge.twice(from.unit);
    if (from.unit !== this.unit && this.#place.hear(neighbour, from)) this.#flushSoon();
    return true;
  }

  #obey(neighbour: Neighbour, { body }: SyncMessage): void {
    const equal = inStep(this.table, body);
    if (equal !== undefined) neighbour.inStep = equal;
    if (body.kind === 'records') {
      const news = body.records.filter((record) => this.#take(record, neighbour.side, neighbour));
      // There may be more where this came from: the flush that the news bring asks for it.
      neighbour.talk ||= news.length > 0;
      return;
    }
    if (body.kind === 'ranges' && body.passOn) {
      for (const other of this.#neighbours)
        if (other !== neighbour) this.#say(other, opening(this.table, true));
    }
    // Whoever asks the whole chain is told that it is in step; an answer to every opening would never end.
    if (equal === true && body.kind === 'ranges' && body.passOn)
      this.#say(neighbour, opening(this.table, false));
    this.#say(neighbour, ...answer(this.table, body, neighbour.room));
  }

  /** Takes a record where it is news. */
  #take(record: SyncRecord, origin: Side | 'self', from: Neighbour | undefined): boolean {
    if (record.unit === this.unit && origin !== 'self') return this.#hearOfOurselves(record);
    const merged = this.table.merge(record, origin);
    if (merged.is !== 'news') return false;
    if (from !== undefined) this.#judge.judge(merged.row, merged.before);
    this.#spread(merged.row, from);
    return true;
  }

  #spread(row: TableRow, from: Neighbour | undefined): void {
    for (const neighbour of this.#neighbours) {
      neighbour.inStep = undefined;
      if (neighbour !== from) neighbour.passOn(row.record.unit);
    }
    this.#flushSoon();
    for (const listener of this.#listeners) listener();
  }

  /** Only we write our record: a later one is our own of before a loss of memory, or another's who uses our id. */
  #hearOfOurselves(record: SyncRecord): boolean {
    const ours = this.table.row(this.unit);
    const merged = this.table.merge(record, 'self');
    if (merged.is !== 'news') return false;
    if (!record.departed || record.epoch !== ours?.epoch || record.version !== ours.version) {
      this.#overrules += 1;
      if (this.#overrules >= OVERRULES_OF_TWO) this.#judge.twice(this.unit);
    }
    if (this.#overrules < OVERRULES && record.epoch < LAST_EPOCH) this.#write();
    else this.#spread(merged.row, undefined);
    return true;
  }

  #publish(): void {
    const facts = this.#options.facts();
    const now: OwnFacts = {
      ...facts,
      position: this.#place.position,
      hearsBelow: this.#neighbours.some((each) => each.side === 'below' && each.heard),
      notices: this.#notices(),
    };
    if (this.#own.observe(now)) this.#write();
  }

  #write(): void {
    const record = this.#own.over(this.table.row(this.unit));
    if (record !== undefined) this.#take(record, 'self', undefined);
  }

  #notices(): readonly SyncNotice[] {
    return [
      ...(this.#neighbours.some((each) => each.stranger) ? (['stranger'] as const) : []),
      ...(this.#judge.isTwice(this.unit) ? (['id-twice'] as const) : []),
      ...(this.table.refused.size > 0 ? (['table-full'] as const) : []),
      ...(this.#neighbours.some((each) => each.malformed > 0) ? (['malformed'] as const) : []),
      ...(this.#place.misplaced === undefined ? [] : (['position'] as const)),
    ];
  }
}
