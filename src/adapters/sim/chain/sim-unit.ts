import {
  type Found,
  hostIsServed,
  type Level,
  membersOf,
  microseconds,
  millis,
  type Nanoseconds,
  newUnit,
  type Port,
  type Scheduler,
  standsFor,
  stepUnit,
  type TimerSlot,
  type Unit,
  type UnitInput,
  type UnitOrder,
  type UnitOutput,
  type UnitRecord,
  type UnitTimings,
} from '../../../sata-chain/index.ts';
import type { CableEnd, SimCable } from './cable.ts';

export interface SimUnitCables {
  readonly pti: SimCable;
  readonly pto: SimCable;
  readonly ddi: SimCable;
}

/** A device that refuses to say who it is may be at something else for a moment. */
const ASK_AGAIN: Nanoseconds = millis(1000);
const SAVE_TIME: Nanoseconds = microseconds(200);

/** One PTDDC in virtual time: the pure unit, its timers on the wheel, its memory in `saved`. */
export class SimUnit {
  readonly #scheduler: Scheduler;
  readonly #cables: SimUnitCables;
  readonly #timings: UnitTimings;
  readonly #stops = new Map<TimerSlot, () => void>();
  readonly #questions = { pto: 0, ddi: 0 };
  readonly #seen: ((unit: Unit) => void)[] = [];
  #saves = 0;
  #state: Unit;
  /** What its memory holds. */
  saved: UnitRecord;
  /** Orders that it refused, in order. */
  readonly refusals: string[] = [];

  constructor(
    scheduler: Scheduler,
    cables: SimUnitCables,
    timings: UnitTimings,
    record: UnitRecord,
    fastest: { readonly [P in Port]?: 1 | 2 | 3 } = {},
  ) {
    this.#scheduler = scheduler;
    this.#cables = cables;
    this.#timings = timings;
    this.saved = record;
    this.#state = newUnit(record, fastest);
    cables.pti.attach('device', this.#end('pti'));
    cables.pto.attach('host', this.#end('pto'));
    cables.ddi.attach('host', this.#end('ddi'));
  }

  get state(): Unit {
    return this.#state;
  }

  onState(seen: (unit: Unit) => void): void {
    this.#seen.push(seen);
  }

  power(on: boolean): void {
    if (on) this.give({ is: 'power', on: true, record: this.saved });
    else {
      this.#saves += 1;
      this.give({ is: 'power', on: false });
    }
  }

  order(order: UnitOrder): void {
    this.give({ is: 'order', order });
  }

  /** What a host above would get from IDENTIFY. */
  presented(): Found | undefined {
    const { t } = this.#state;
    if (!hostIsServed(t)) return undefined;
    const { local, below } = membersOf(t);
    return standsFor(local, below, {
      chain: t.record.chain,
      degraded: t.record.degraded ?? false,
      before: t.record.before,
    });
  }

  give(input: UnitInput): void {
    const { state, outputs } = stepUnit(this.#state, input, this.#timings);
    this.#state = state;
    for (const output of outputs) this.#do(output);
    for (const seen of this.#seen) seen(state);
  }

  #end(port: Port): CableEnd {
    return {
      hear: (level: Level) => this.give({ is: 'level', port, level }),
      signature: () => {
        if (port !== 'pti') this.give({ is: 'signature', port });
      },
      identity: () => this.presented(),
    };
  }

  #do(output: UnitOutput): void {
    switch (output.is) {
      case 'transmit':
        this.#cables[output.port].transmit(output.port === 'pti' ? 'device' : 'host', output.level);
        break;
      case 'signature':
        this.#cables.pti.signature();
        break;
      case 'identify':
        this.#ask(output.port);
        break;
      case 'start': {
        const { timer } = output;
        this.#stops.get(timer)?.();
        const fire = () => this.give({ is: 'timer', timer });
        this.#stops.set(timer, this.#scheduler.after(output.after, fire));
        break;
      }
      case 'stop':
        this.#stops.get(output.timer)?.();
        break;
      case 'persist':
        this.#save(output.record);
        break;
      case 'flush':
        this.#scheduler.after(SAVE_TIME, () => this.give({ is: 'flushed' }));
        break;
      case 'refused':
        this.refusals.push(output.what);
        break;
      case 'abort':
        break;
    }
  }

  #ask(port: 'pto' | 'ddi'): void {
    this.#questions[port] += 1;
    const question = this.#questions[port];
    const side = port === 'ddi' ? 'local' : 'below';
    const ask = (): void => {
      this.#cables[port].ask((found) => {
        const { is } = this.#state.t[side];
        if (question !== this.#questions[port] || (is !== 'asked' && is !== 'failed')) return;
        if (found) this.give({ is: 'identity', port, found });
        else this.#scheduler.after(ASK_AGAIN, ask);
      });
    };
    ask();
  }

  #save(record: UnitRecord): void {
    this.#saves += 1;
    const save = this.#saves;
    this.#scheduler.after(SAVE_TIME, () => {
      if (save !== this.#saves) return;
      this.saved = record;
      this.give({ is: 'saved' });
    });
  }
}
