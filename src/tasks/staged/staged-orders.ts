import { allow, NsError, type Refusal, refusal, refuse, toHex, type Verdict } from '../../base/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { DiskProbe, Volume } from '../../storage/index.ts';
import { stopReasons } from '../stop.ts';
import { identityOf, volumeNamed, volumesIn } from './seen-volumes.ts';
import type { BookParts, StagedBook } from './staged-book.ts';
import { type EndedEntry, MOST_STAGED, type StagedEntry } from './staged-record.ts';
import { contentOf, placeOf, volumeOf, waitOf } from './staging-of.ts';
import { WaitingClock, type WaitingParts } from './waiting-clock.ts';
import { ahead, ended, entered, parked, taken, volumeKnown, type Waiter } from './waiting-machine.ts';

export interface StagedParts extends BookParts, WaitingParts {
  /** Bytes of contents that all staged orders together may keep here. */
  readonly bytes: number;
}

/** A staged order in the hands of the desk. */
export interface StagedJob {
  readonly order: Order;
  /** Wall clock, whole seconds. */
  readonly receivedAt: number;
  readonly stopping: AbortController;
  /** Whether it would still be obeyed, as far as the keyring tells. */
  readonly stands: () => boolean;
  /** Puts it into the desk's queue again. False where there is no room to try it now. */
  readonly go: (to: 'try' | 'end') => Promise<boolean>;
}

/** One staged order as it stands. */
export interface StagedRow {
  readonly order: Order;
  readonly receivedAt: number;
  readonly waiting: boolean;
  readonly why: Refusal | undefined;
  readonly tries: number;
  readonly leftSeconds: number;
}

/**
 * The staged orders of this device: which there are, what each waits for, and which goes next. That they were accepted is
 * in the journal. One that waits holds nothing but its contents on own storage: no slot of the desk, no disk, no claim.
 */
export class StagedOrders {
  readonly #bytes: number;
  readonly #book: StagedBook;
  readonly #clock: WaitingClock;
  readonly #jobs = new Map<string, StagedJob>();

  protected constructor(parts: StagedParts, book: StagedBook) {
    this.#bytes = parts.bytes;
    this.#book = book;
    this.#clock = new WaitingClock(
      parts,
      ({ do: what, key }) => this.#due(what, key),
      () => this.#save(),
    );
  }

  /** Whether one more may be staged, where an order asks for that. STAGED_FULL, MESSAGE_INVALID. */
  judge(order: Order): Verdict<void> {
    if (waitOf(order) === undefined) return allow(undefined);
    if ('dryRun' in order.args && order.args.dryRun === true)
      return refuse('MESSAGE_INVALID', 'A dry run says what would happen now, so it cannot be staged.');
    if (this.#jobs.size >= MOST_STAGED)
      return refuse('STAGED_FULL', `${MOST_STAGED} orders are staged, and this device keeps no more.`);
    const content = contentOf(order);
    const { used, bytes } = this.room;
    if (content === undefined || this.keeps(content.name) || used + content.size <= bytes)
      return allow(undefined);
    return refuse(
      'STAGED_FULL',
      `The file has ${content.size} bytes; of ${bytes} bytes for staged orders, ${used} are in use.`,
    );
  }

  /** Takes an accepted order in. "waits": it did so before a restart and goes on; else it goes through the desk. */
  enter(job: StagedJob, began: boolean): 'busy' | 'waits' {
    const { order } = job;
    const key = toHex(order.id);
    const left = this.#book.get(key);
    const volume = left === undefined ? volumeNamed(this.#book.seen, volumeOf(order)) : left.volume;
    const is = left?.why !== undefined && !began ? 'waiting' : 'busy';
    const waited = left?.waited ?? 0;
    this.#clock.count();
    this.#jobs.set(key, job);
    if (left === undefined) {
      this.#book.put({
        id: key,
        waited,
        tries: 0,
        fetched: false,
        ...(volume === undefined ? {} : { volume }),
      });
    }
    this.#clock.update((state) =>
      entered(state, { key, volume: volume?.id, waited, limit: waitOf(order) ?? 0, is }),
    );
    // Whoever stops one that waits has it go to the desk, which ends it; one that is there ends there.
    job.stopping.signal.addEventListener('abort', () => this.#release(key, 'end'), { once: true });
    return is === 'waiting' ? 'waits' : 'busy';
  }

  /** All that a restart left open was taken in: what else was written down is forgotten, and the waiting goes on. */
  async start(): Promise<void> {
    for (const key of this.#book.keys()) if (!this.#jobs.has(key)) this.#book.close(key, undefined);
    await this.#clock.start();
    this.#clock.look();
  }

  has(id: Uint8Array): boolean {
    return this.#jobs.has(toHex(id));
  }

  /** It is not known any more for which volume orders were accepted before this start. */
  get lost(): boolean {
    return this.#book.damaged;
  }

  /** What comes before this order; undefined where it may go. */
  behind(id: Uint8Array): Refusal | undefined {
    const first = ahead(this.#clock.state, toHex(id));
    return (
      first && refusal('STAGED_BEHIND', `The staged order ${first.key} for the same volume comes first.`)
    );
  }

  fetched(id: Uint8Array): boolean {
    return this.#book.get(toHex(id))?.fetched === true;
  }

  noteFetched(id: Uint8Array): void {
    this.#book.change(toHex(id), { fetched: true });
  }

  noteTry(id: Uint8Array): void {
    const key = toHex(id);
    this.#book.change(key, { tries: (this.#book.get(key)?.tries ?? 0) + 1 });
  }

  /** The disks of the host were looked at: what an order is for can be told by it while they cannot be. */
  async met(probes: readonly DiskProbe[]): Promise<void> {
    if (this.#book.see(volumesIn(probes))) await this.#save();
  }

  /** Whether an order meets the volume that it was staged for. VOLUME_REPLACED. */
  async sameVolume(id: Uint8Array, { probe }: Pick<Volume, 'probe'>): Promise<Verdict<void>> {
    const key = toHex(id);
    if (!this.#jobs.has(key)) return allow(undefined);
    const now = identityOf(probe);
    const then = this.#book.get(key)?.volume;
    if (then === undefined) {
      this.#book.change(key, { volume: now });
      this.#clock.update((state) => volumeKnown(state, key, now.id));
      await this.#save();
      return allow(undefined);
    }
    if (then.id === now.id) return allow(undefined);
    return refuse(
      'VOLUME_REPLACED',
      `When the order was staged, ${then.name} was ${then.id}; now ${now.name} is ${now.id}.`,
    );
  }

  /** From now on the order waits; durable when it resolves. STAGED_FULL where own storage has no room for that. */
  async park(id: Uint8Array, why: Refusal): Promise<Verdict<void>> {
    this.#book.change(toHex(id), { why });
    if (await this.#save()) return allow(undefined);
    return refuse('STAGED_FULL', "The device's own storage has no room for what this order waits for.");
  }

  /** The desk has let go of an order that is parked: it goes there again when it is due, or is stopped. */
  rest(id: Uint8Array): void {
    const key = toHex(id);
    const cause = this.#book.get(key)?.why?.code === 'STAGED_BEHIND' ? 'turn' : 'refused';
    this.#clock.update((state) => parked(state, key, cause, this.#clock.now));
    if (this.#jobs.get(key)?.stopping.signal.aborted === true) this.#release(key, 'end');
    void this.#clock.refresh();
  }

  /** The order's receipt is durable. */
  async over({ id, ...order }: Order, outcome: string, code: string | undefined): Promise<void> {
    const key = toHex(id);
    if (!this.#jobs.delete(key)) return;
    const end = { id: key, verb: order.verb, place: placeOf(order), outcome };
    this.#book.close(key, { ...end, ...(code === undefined ? {} : { code }) });
    this.#clock.update((state) => ended(state, key));
    await this.#save();
    this.#clock.look();
  }

  /** What may be obeyed has changed: orders that no longer stand go to the desk, which ends them. */
  reconsider(): void {
    for (const { key, is } of this.#clock.state.orders) {
      if (is === 'waiting' && this.#jobs.get(key)?.stands() === false) this.#release(key, 'end');
    }
  }

  /** Whether contents on own storage belong to a staged order, other than this one. */
  keeps(name: string, except?: Uint8Array): boolean {
    const own = except === undefined ? undefined : toHex(except);
    return [...this.#jobs].some(([key, { order }]) => key !== own && contentOf(order)?.name === name);
  }

  /** Bytes that contents of staged orders take, and may take. */
  get room(): { readonly used: number; readonly bytes: number } {
    const contents = new Map<string, number>();
    for (const { order } of this.#jobs.values()) {
      const content = contentOf(order);
      if (content !== undefined) contents.set(content.name, content.size);
    }
    return { used: [...contents.values()].reduce((sum, size) => sum + size, 0), bytes: this.#bytes };
  }

  /** In the order of acceptance. */
  rows(): readonly StagedRow[] {
    this.#clock.count();
    const { orders, downSince } = this.#clock.state;
    return orders.flatMap((waiter) => {
      const job = this.#jobs.get(waiter.key);
      const entry = this.#book.get(waiter.key);
      if (job === undefined || entry === undefined) return [];
      // What it was told when the host was on says nothing any more.
      const behind = downSince === undefined ? undefined : this.behind(job.order.id);
      return [rowOf(job, behind === undefined ? entry : { ...entry, why: behind }, waiter)];
    });
  }

  row(id: Uint8Array): StagedRow | undefined {
    const key = toHex(id);
    return this.#jobs.has(key) ? this.rows().find(({ order }) => toHex(order.id) === key) : undefined;
  }

  /** The latest that have ended, oldest first. */
  get ended(): readonly EndedEntry[] {
    return this.#book.ended;
  }

  /** Nothing is tried from now on. What waits goes on at the next start. */
  halt(): void {
    this.#clock.stop();
  }

  /** What is known of all, on stable storage when it resolves. */
  async store(): Promise<void> {
    if (this.#jobs.size > 0) await this.#save();
  }

  #due(what: 'try' | 'end', key: string): void {
    const job = this.#jobs.get(key);
    if (job === undefined) throw new NsError('NS_INTERNAL', 'nobody knows a staged order', { family: 'bug' });
    if (what === 'try') this.#release(key, 'try');
    else
      job.stopping.abort(
        stopReasons.waitedLong(refusal('STAGED_ENDED', lastWords(this.#book.get(key)?.why))),
      );
  }

  #release(key: string, to: 'try' | 'end'): void {
    const job = this.#jobs.get(key);
    const waiting = this.#clock.state.orders.some((order) => order.key === key && order.is === 'waiting');
    if (job === undefined || !waiting) return;
    this.#clock.update((state) => taken(state, key, to));
    void job.go(to).then((gone) => {
      if (gone) return;
      this.#clock.update((state) => parked(state, key, 'refused', this.#clock.now));
      this.#clock.look();
    });
  }

  #save(): Promise<boolean> {
    this.#clock.count();
    for (const { key, waited } of this.#clock.state.orders)
      this.#book.change(key, { waited: Math.floor(waited) });
    return this.#book.save();
  }
}

function lastWords(why: Refusal | undefined): string {
  return why === undefined
    ? 'The time for which the order was staged is over.'
    : `The time for which the order was staged is over. Last it waited for ${why.code}: ${why.sentence}`;
}

function rowOf({ order, receivedAt }: StagedJob, { why, tries }: StagedEntry, waiter: Waiter): StagedRow {
  const leftSeconds = Math.max(0, Math.ceil((waiter.limit - waiter.waited) / 1000));
  return { order, receivedAt, waiting: waiter.is === 'waiting', why, tries, leftSeconds };
}
