import { allow, milliseconds, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { ChainRegisters, Clock } from '../../ports/index.ts';
import { stateOfNumber } from '../registers-port/status-word.ts';
import { type EnrolledMembers, giveOrder, readEnrolled, readUnit } from '../registers-port/unit-driver.ts';
import type { SyncRecord } from '../sync/record.ts';
import type { UnitSync } from '../sync/unit-sync.ts';
import { buildReport, unitsToAsk } from './build-report.ts';
import type { ArraySummary, ChainAction, ChainControl, ChainReport, ChainSyncReport } from './report.ts';
import { changeWords } from './words.ts';

export interface RegisterChainOptions {
  readonly disk: string;
  /** Of the units of the chain, the head first. */
  readonly registers: ChainRegisters;
  /** The head's part in keeping the tables. */
  readonly sync: UnitSync;
  readonly clock: Clock;
  /** Mirrors and spares at the head, where there are any. */
  readonly array?: () => ArraySummary | undefined;
}

const SYNC_LIMIT = seconds(5);
const LOOK = milliseconds(20);
/** Looks in a row without news after which an exchange that is in step is over. */
const QUIET_LOOKS = 5;
/** Units behind registers that are looked at for an order. */
const MOST_UNITS = 65_535;

/** A chain whose units' registers are within reach, and whose head keeps a table of all units. */
export class RegisterChain implements ChainControl {
  readonly disk: string;
  readonly #options: RegisterChainOptions;

  constructor(options: RegisterChainOptions) {
    this.disk = options.disk;
    this.#options = options;
  }

  async status(signal: AbortSignal): Promise<ChainReport> {
    const { registers, sync, array } = this.#options;
    const head = await readUnit(registers, 0, signal);
    const summary = array?.();
    return buildReport({
      disk: this.disk,
      chain: head.chain,
      head: sync.unit,
      rows: sync.table.rows(),
      findings: sync.findings(),
      inStep: sync.inStep,
      presentedSectors: head.presentedSectors,
      enrolled: await this.#enrolled(signal),
      ...(summary === undefined ? {} : { array: summary }),
    });
  }

  async sync(action: ChainAction | undefined, signal: AbortSignal): Promise<Verdict<ChainSyncReport>> {
    const { sync } = this.#options;
    const before = new Map([...sync.table.rows()].map((row) => [row.record.unit, row.digest]));
    const done = action === undefined ? undefined : await this.#act(action, signal);
    if (done?.ok === false) return done;
    await this.#exchange(signal);
    const updated = [...sync.table.rows()]
      .filter(({ record, digest }) => before.get(record.unit) !== digest)
      .map(({ record }) => ({
        unit: record.unit,
        ...(record.position === undefined ? {} : { position: record.position }),
        what: record.departed ? 'departed' : changeWords(record.last, stateOfNumber(record.state)),
      }));
    const { findings } = await this.status(signal);
    return allow({
      disk: this.disk,
      inStep: sync.inStep,
      updated,
      findings,
      ...(done === undefined ? {} : { done: done.value }),
    });
  }

  #act(action: ChainAction, signal: AbortSignal): Promise<Verdict<string>> {
    return action.do === 'resync' ? this.#resync(signal) : this.#accept(action.question, signal);
  }

  /** The head looks anew; what it finds below is looked at anew by the units there. */
  async #resync(signal: AbortSignal): Promise<Verdict<string>> {
    const { registers, clock } = this.#options;
    return (await giveOrder(registers, 0, 'resync', clock, signal))
      ? allow('The chain looks for all its members anew.')
      : refuse('CHAIN_BUSY');
  }

  async #accept(question: string, signal: AbortSignal): Promise<Verdict<string>> {
    const { sync, registers, clock } = this.#options;
    const report = await this.status(signal);
    if (report.question === undefined) return refuse('CHAIN_WHOLE');
    if (report.question.id !== question) return refuse('CHAIN_DIFFERS');
    const places = await this.#places(signal);
    const asked = unitsToAsk(sync.table.rows());
    const taken: SyncRecord[] = [];
    for (const record of asked) {
      const place = places.get(record.unit);
      if (place === undefined) continue;
      if (await giveOrder(registers, place, 'go-degraded', clock, signal)) taken.push(record);
    }
    if (taken.length === 0)
      return refuse('CHAIN_BUSY', 'No unit took the order: what it waits for is not within reach, or came.');
    // What was lost is gone for the tables too, unless it speaks again.
    const lost = report.units.filter(({ heard }) => !heard).map(({ unit }) => unit);
    sync.depart(lost);
    const gone = lost.length === 0 ? '' : ` ${lost.length} units that are not heard count as gone.`;
    return allow(
      `What is there is the whole disk now, by order of unit ${taken.map(({ unit }) => unit).join(', ')}.${gone}`,
    );
  }

  /** What belongs to the units that have trouble. */
  async #enrolled(signal: AbortSignal): Promise<ReadonlyMap<string, EnrolledMembers>> {
    const { sync, registers } = this.#options;
    const troubled = [...sync.table.rows()].filter(({ record, departed }) => record.fault !== 0 && !departed);
    const enrolled = new Map<string, EnrolledMembers>();
    if (troubled.length === 0) return enrolled;
    const places = await this.#places(signal);
    for (const { record } of troubled) {
      const place = places.get(record.unit);
      if (place !== undefined) enrolled.set(record.unit, await readEnrolled(registers, place, signal));
    }
    return enrolled;
  }

  /** Where each unit is among the registers. */
  async #places(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const { registers } = this.#options;
    const places = new Map<string, number>();
    const count = Math.min(await registers.units(signal), MOST_UNITS);
    for (let at = 0; at < count; at += 1) places.set((await readUnit(registers, at, signal)).unit, at);
    return places;
  }

  /** Until all is in step and still, or five seconds have passed. */
  async #exchange(signal: AbortSignal): Promise<void> {
    const { sync, clock } = this.#options;
    const end = clock.monotonic() + SYNC_LIMIT;
    let quiet = 0;
    const stop = sync.onNews(() => {
      quiet = 0;
    });
    try {
      sync.exchange();
      while (quiet < QUIET_LOOKS && clock.monotonic() < end) {
        await clock.sleep(LOOK, signal);
        quiet = sync.inStep ? quiet + 1 : 0;
      }
    } finally {
      stop();
    }
  }
}
