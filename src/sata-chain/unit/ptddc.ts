import type { NsError, Verdict } from '../../base/index.ts';
import type { MergeOptions } from '../ata/merge-identities.ts';
import type { Generation, Level } from '../phy/level.ts';
import { clearSerror } from '../phy/phy.ts';
import type { Plug } from '../plug.ts';
import { identityOf } from '../pttrsm/found.ts';
import { hostIsServed, membersOf, ownerIsServed } from '../pttrsm/guards.ts';
import type { Side } from '../pttrsm/side.ts';
import type { RoutedMember } from '../route/chain-router.ts';
import { gatedTarget } from '../route/gate.ts';
import { AtaFault, type SataTarget } from '../target.ts';
import type { Scheduler } from '../time.ts';
import { BmcTarget } from './bmc-target.ts';
import { Inbox } from './inbox.ts';
import { Listeners } from './listeners.ts';
import { OrderDesk } from './order-desk.ts';
import type { UnitMemory, UnitOrder, UnitRecord } from './orders.ts';
import { readRegisters, type UnitRegisters } from './read-registers.ts';
import { RecordKeeper } from './record-keeper.ts';
import { stepUnit } from './step-unit.ts';
import { TimerSlots } from './timer-slots.ts';
import { UNIT_TIMINGS, type UnitTimings } from './timings.ts';
import { newUnit, type Port, type TimerSlot, type Unit, type UnitInput, type UnitOutput } from './unit.ts';
import { UnitPort } from './unit-port.ts';
import { WorkUnderWay } from './work-under-way.ts';

/** The data side of a unit, as the signal side drives it: ChainRouter is one. */
export interface UnitRouter extends SataTarget {
  setMembers(local: RoutedMember | undefined, below: RoutedMember | undefined): unknown;
  describe(options: MergeOptions): unknown;
}

export interface PtddcOptions {
  readonly scheduler: Scheduler;
  readonly memory: UnitMemory;
  readonly router: UnitRouter;
  /** For a unit whose memory is empty: 16 lower-case hexadecimal digits, its own for life. */
  readonly unit: string;
  readonly timings?: UnitTimings;
  readonly fastest?: { readonly [P in Port]?: Generation };
  /** A record could not be kept, and is tried again. */
  readonly onTrouble?: (error: NsError) => void;
}

/**
 * One PTDDC at work: the pure unit, its timers on a scheduler, its record in a memory, its ports on plugs, and the gates
 * of its router, which it opens to the host in T4 and to the management controller in T8. Dull on purpose: what happens
 * is decided in stepUnit.
 */
export class Ptddc {
  /** Towards the unit above or the host. */
  readonly pti: Plug;
  /** The chain from here down, for the management controller: served in T8. */
  readonly bmc: SataTarget;
  readonly #options: PtddcOptions;
  readonly #timings: UnitTimings;
  readonly #timers: TimerSlots<TimerSlot>;
  readonly #keeper: RecordKeeper;
  readonly #bmc: BmcTarget;
  readonly #desk = new OrderDesk();
  readonly #ports: { readonly pto: UnitPort; readonly ddi: UnitPort };
  readonly #levels = new Listeners<[Level]>();
  readonly #signatures = new Listeners<[]>();
  readonly #changes = new Listeners<[Unit, Unit]>();
  readonly #hostWork = new WorkUnderWay();
  readonly #inbox = new Inbox<UnitInput>((input) => this.#work(input));
  /** Which turn of the power switch this is. */
  #powering = 0;
  #flushing: AbortController | undefined;
  #signing = false;
  #state: Unit;

  constructor(options: PtddcOptions) {
    const { scheduler, router } = options;
    this.#options = options;
    this.#timings = options.timings ?? UNIT_TIMINGS;
    this.#state = newUnit({ unit: options.unit, locked: false, epoch: 0 }, options.fastest);
    this.#timers = new TimerSlots(scheduler, (timer) => this.#give({ is: 'timer', timer }));
    this.#keeper = new RecordKeeper(options.memory, scheduler, {
      saved: () => this.#give({ is: 'saved' }),
      trouble: (error) => {
        options.onTrouble?.(error);
        this.#desk.fail(error);
      },
    });
    this.#bmc = new BmcTarget(router, () => ownerIsServed(this.#state.t) === 'yes', this.#hostWork);
    this.bmc = this.#bmc;
    const port = (which: 'pto' | 'ddi') => new UnitPort(which, scheduler, (input) => this.#give(input));
    this.#ports = { pto: port('pto'), ddi: port('ddi') };
    this.pti = {
      wire: {
        transmit: (level) => this.#give({ is: 'level', port: 'pti', level }),
        onLevel: (listener) => this.#levels.add(listener),
      },
      onSignature: (listener) => this.#signatures.add(listener),
      target: counted(
        gatedTarget(router, () => (hostIsServed(this.#state.t) ? undefined : notServed())),
        this.#hostWork,
      ),
    };
  }

  get state(): Unit {
    return this.#state;
  }

  /** Reads the memory and begins at T0. NS errors of the memory pass through, and the unit stays dark. */
  async powerOn(): Promise<void> {
    const blank: UnitRecord = { unit: this.#options.unit, locked: false, epoch: 0 };
    this.#powering += 1;
    const powering = this.#powering;
    const record = (await this.#options.memory.load()) ?? blank;
    if (powering !== this.#powering) return;
    this.#give({ is: 'power', on: true, record });
  }

  /** At once, as when a plug is pulled: only what the memory holds is left. */
  powerOff(): void {
    this.#powering += 1;
    this.#keeper.drop();
    this.#give({ is: 'power', on: false });
  }

  /** What is plugged in at a host port from now on; undefined for nothing. */
  attach(port: 'pto' | 'ddi', plug: Plug | undefined): void {
    this.#ports[port].attach(plug, this.#state[port].sent);
  }

  /** Resolves when the order is in effect and would outlive a loss of power; a refusal where it is not one for now. */
  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>> {
    const answer = this.#desk.take(order, signal);
    this.#give({ is: 'order', order });
    return answer;
  }

  /** Names the chain that a blank unit belongs to; refused where it belongs to another. */
  enrol(chain: string, signal?: AbortSignal): Promise<Verdict<void>> {
    const answer = this.#desk.take('enrol', signal);
    this.#give({ is: 'enrol', chain });
    return answer;
  }

  /** Whether lost members keep their places (see UnitRecord): for units below mirrors. Resolves when it is durable. */
  keepPlaces(keep: boolean, signal?: AbortSignal): Promise<Verdict<void>> {
    const answer = this.#desk.take('places', signal);
    this.#give({ is: 'places', keep });
    return answer;
  }

  registers(): UnitRegisters {
    return readRegisters(this.#state);
  }

  /** A write to SError: each 1 clears its bit. */
  writeSerror(port: Port, ones: number): void {
    this.#state = { ...this.#state, [port]: clearSerror<string>(this.#state[port], ones) };
  }

  /** A write to SControl: see obeyScontrol. */
  writeScontrol(port: Port, value: number): void {
    this.#give({ is: 'scontrol', port, value });
  }

  /** After each input that changed anything. */
  onChange(listener: (now: Unit, before: Unit) => void): () => void {
    return this.#changes.add(listener);
  }

  #give(input: UnitInput): void {
    this.#inbox.give(input);
  }

  #work(input: UnitInput): void {
    const before = this.#state;
    const { state, outputs } = stepUnit(before, input, this.#timings);
    this.#state = state;
    if (state.t !== before.t) this.#remap(before);
    if (!isOpen(state.t.local)) this.#ports.ddi.forget();
    if (!isOpen(state.t.below)) this.#ports.pto.forget();
    const refused = outputs.some(({ is }) => is === 'refused');
    if (input.is === 'order') this.#desk.answer(input.order, refused, state);
    else if (input.is === 'enrol' || input.is === 'places') this.#desk.answer(input.is, refused, state);
    for (const output of outputs) this.#do(output);
    this.#desk.look(this.#state);
    if (state !== before) this.#changes.call(this.#state, before);
  }

  /** The router's members and words, whenever what they are made from has changed. */
  #remap(before: Unit): void {
    const { t } = this.#state;
    const { router, fastest } = this.#options;
    if (t.record !== before.t.record) {
      const { epoch, degraded = false, chain, before: past } = t.record;
      router.describe({
        epoch,
        degraded,
        generation: fastest?.pti ?? 3,
        ...(chain === undefined ? {} : { chain }),
        ...(past === undefined ? {} : { before: past }),
      });
    }
    if (t.uses === before.t.uses && t.local === before.t.local && t.below === before.t.below) return;
    const { local, below } = membersOf(t);
    const { ddi, pto } = this.#ports;
    router.setMembers(
      t.uses.local ? ddi.member(t.local.is === 'known', local && identityOf(local, false)) : undefined,
      t.uses.below ? pto.member(t.below.is === 'known', below && identityOf(below, true)) : undefined,
    );
  }

  #do(output: UnitOutput): void {
    switch (output.is) {
      case 'transmit':
        if (output.port === 'pti') this.#levels.call(output.level);
        else this.#ports[output.port].transmit(output.level);
        break;
      case 'signature':
        this.#sign();
        break;
      case 'identify':
        this.#ports[output.port].identify();
        break;
      case 'start':
        this.#timers.start(output.timer, output.after);
        break;
      case 'stop':
        this.#timers.stop(output.timer);
        break;
      case 'persist':
        this.#keeper.save(output.record);
        break;
      case 'abort':
        if (output.scope === 'bmc') {
          this.#flushing?.abort();
          this.#bmc.cut();
        }
        break;
      case 'flush':
        void this.#flush();
        break;
      case 'refused':
        break;
    }
  }

  /**
   * A signature says ready. It waits for what a reset or the management controller left under way: an old write must not
   * land on top of a newer one.
   */
  #sign(): void {
    if (this.#hostWork.idle && this.#bmc.work.idle) {
      this.#signatures.call();
      return;
    }
    if (this.#signing) return;
    this.#signing = true;
    void Promise.all([this.#hostWork.over(), this.#bmc.work.over()]).then(() => {
      this.#signing = false;
      if (hostIsServed(this.#state.t)) this.#sign();
    });
  }

  /** What was given is let finish, then every member is flushed; T_handback cuts it short. */
  async #flush(): Promise<void> {
    const flushing = new AbortController();
    this.#flushing = flushing;
    await this.#bmc.drained();
    try {
      if (!flushing.signal.aborted) await this.#options.router.flush(flushing.signal);
    } catch {
      // The members that could, have flushed; the host gets its disk back whatever became of the others.
    }
    if (!flushing.signal.aborted && flushing === this.#flushing) this.#give({ is: 'flushed' });
  }
}

/** A question may be open: it is not answered, or only too late. */
const isOpen = ({ is }: Side): boolean => is === 'asked' || is === 'failed';

/**
 * Counts what changes sectors, of whoever stands above this process: a host's port, or a link. A unit above in this process
 * comes by the relay, and its commands are counted where they came in.
 */
function counted(target: SataTarget, work: WorkUnderWay): SataTarget {
  return {
    ...(target.relay === undefined ? {} : { relay: target.relay }),
    identify: (signal) => target.identify(signal),
    smartStatus: (signal) => target.smartStatus(signal),
    read: (lba, into, signal) => target.read(lba, into, signal),
    write: (lba, data, fua, signal) => work.add(target.write(lba, data, fua, signal)),
    verify: (lba, count, signal) => target.verify(lba, count, signal),
    trim: (ranges, signal) => work.add(target.trim(ranges, signal)),
    flush: (signal) => target.flush(signal),
  };
}

const notServed = (): AtaFault => new AtaFault('ABORTED', 'the unit serves no commands from above now');
