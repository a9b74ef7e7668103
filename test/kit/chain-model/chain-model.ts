import type { Pttrsm, UnitTimer } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import { SIDE_WAIT } from '../../../src/sata-chain/pttrsm/side.ts';
import type { Model, Step } from '../explorer/explore.ts';
import { brokenIn, wrongAtRest } from './chain-checks.ts';
import { ChainMoves, upperRuns } from './chain-moves.ts';
import type { ChainOptions } from './chain-options.ts';
import { type ChainState, decodeChain, encodeChain } from './chain-state.ts';
import { DEAD } from './drives.ts';
import { UnitSteps } from './unit-steps.ts';

/**
 * How long things take, as a rank: 0 signals and answers; 1 the pace of COMINITs (10 ms, 2 s); 2 T_absent (500 ms); 3 a hand-back
 * or resync (2 s, 3 s); 4 a drive's spin-up, which may be over at any time; 5 T_spin (31 s),
 * and the time in which a second COMRESET goes down (10 s).
 */
type Rank = 0 | 1 | 2 | 3 | 4 | 5;

const TIMERS: readonly UnitTimer[] = ['local', 'below', 'pace', 'resync', 'hand back', 'hold', 'resets'];

const MOST_TO_REST = 1000;

interface Move {
  readonly at: number;
  readonly label: string;
  readonly rank: Rank;
  readonly work: () => void;
  /** Something answers later than T_spin: that may happen, and need not. */
  readonly slow?: boolean;
}

/** A host, a chain of units that run the real tables, and their drives. */
export class ChainModel implements Model<string> {
  readonly initial: readonly string[];
  readonly moves = new ChainMoves(new UnitSteps());
  readonly #options: ChainOptions;

  constructor(options: ChainOptions) {
    this.#options = options;
    const blank = this.#blank();
    const dark = encodeChain(blank);
    this.moves.s = blank;
    for (const i of blank.units.keys()) this.moves.powerUnit(i);
    this.moves.powerHost();
    const woken = encodeChain(blank);
    this.initial = options.start === 'blank' ? [dark, woken] : this.#enrolled(woken);
  }

  #blank(): ChainState {
    const { steps } = this.moves;
    const durable = steps.recordId({ unit: 'u', chain: 'c', locked: false, epoch: 0 });
    const t = steps.dark(durable);
    const indices = [...Array(this.#options.units).keys()];
    return {
      units: indices.map(() => ({ power: false, t, durable, pti: false, pto: false, ddi: false })),
      links: indices.map(() => ({
        cut: false,
        upper: 0,
        lower: false,
        toUpper: 0,
        toLower: 0,
        signature: false,
        asking: false,
        late: false,
      })),
      bays: indices.map((i) => ({ drive: i + 1, ddi: 0, toUpper: 0 })),
      host: { power: false, gaveUp: false, alarmed: false, disk: 0 },
      had: 0,
      agreed: false,
      unflushed: false,
      left: 0,
    };
  }

  /** All at rest, and then all switched off. */
  #enrolled(woken: string): readonly string[] {
    let at = woken;
    for (let i = 0; i < MOST_TO_REST; i += 1) {
      const [move] = this.#internal(this.read(at));
      if (!move) break;
      at = this.#take(at, move, true, 0).next;
    }
    const rest = at;
    this.moves.s = this.read(at);
    this.moves.powerHost();
    for (const i of this.moves.s.units.keys()) this.moves.powerUnit(i);
    for (const link of this.moves.s.links) {
      link.toUpper = 0;
      link.toLower = 0;
    }
    return [rest, encodeChain(this.moves.s)];
  }

  encode(state: string): string {
    return state;
  }

  decode(key: string): string {
    return key;
  }

  read(state: string): ChainState {
    return decodeChain(state, this.#options.units);
  }

  steps(state: string): readonly Step<string>[] {
    const { disturbances } = this.#options;
    const before = this.read(state);
    const internal = this.#internal(before);
    const rest = internal.length === 0;
    const steps = internal.map((move) => this.#take(state, move, move.slow !== true, before.left));
    if (rest && this.#waits(before)) steps.push(this.#take(state, this.#hostGivesUp, false, 0));
    const left = disturbances === Infinity ? 1 : rest ? disturbances : before.left;
    if (left > 0) {
      const after = disturbances === Infinity ? 0 : left - 1;
      for (const move of this.#world(before)) steps.push(this.#take(state, move, false, after));
    }
    return steps.filter(({ next }) => next !== state);
  }

  edge(_from: string, step: Step<string>): string | undefined {
    return FAULTS.get(step);
  }

  invariant(state: string): string | undefined {
    return brokenIn(this.read(state), this.moves);
  }

  settled(state: string): string | undefined {
    return wrongAtRest(this.read(state), this.moves);
  }

  #take(state: string, move: Move, internal: boolean, left: number): Step<string> {
    this.moves.s = this.read(state);
    this.moves.s.left = left;
    this.moves.wrong = undefined;
    move.work();
    const step = { label: move.label, internal, next: encodeChain(this.moves.s) };
    if (this.moves.wrong !== undefined) FAULTS.set(step, this.moves.wrong);
    return step;
  }

  /** What the machines do by themselves, without what is much slower than something else that is left to do. */
  #internal(s: ChainState): readonly Move[] {
    const moves: Move[] = [];
    for (let i = 0; i < s.units.length; i += 1) {
      this.#linkMoves(s, i, moves);
      this.#unitMoves(s, i, moves);
    }
    return this.#chosen(moves);
  }

  #chosen(moves: readonly Move[]): readonly Move[] {
    const { anyTime, order } = this.#options;
    let fastest: Rank = 5;
    let first = Infinity;
    let last = -1;
    for (const { rank, at } of moves) {
      if (rank < fastest) fastest = rank;
      if (rank !== 0) continue;
      first = Math.min(first, at);
      last = Math.max(last, at);
    }
    const [here, there] = order === 'head' ? [first, first] : order === 'tail' ? [last, last] : [first, last];
    return moves.filter(({ rank, at }) => {
      if (rank === 0 && order !== 'any') return at === here || at === there;
      return anyTime || rank === fastest || (rank === 4 && (fastest > 0 || order === 'any'));
    });
  }

  #linkMoves(s: ChainState, i: number, moves: Move[]): void {
    const m = this.moves;
    const l = s.links[i]!;
    if (l.toUpper > 0)
      moves.push({
        at: i,
        rank: 0,
        label: `link ${i}: above hears ${SIGNALS[l.toUpper]}`,
        work: () => m.hearUpper(i),
      });
    if (l.toLower > 0)
      moves.push({
        at: i,
        rank: 0,
        label: `link ${i}: below hears ${SIGNALS[l.toLower]}`,
        work: () => m.hearLower(i),
      });
    const ready = !l.cut && upperRuns(s, i) && s.units[i]!.pti && l.toUpper === 0 && l.toLower === 0;
    if (ready && l.upper === 0) {
      moves.push({ at: i, rank: 0, label: `link ${i}: above tries again`, work: () => m.retry(i, 'upper') });
      if (!l.lower)
        moves.push({
          at: i,
          rank: 0,
          label: `link ${i}: below tries again`,
          work: () => m.retry(i, 'lower'),
        });
    }
    if (ready && l.upper === 1) {
      const work = l.lower ? () => m.readyAbove(i) : () => m.readyBelow(i);
      moves.push({ at: i, rank: 0, label: `link ${i}: ready ${l.lower ? 'above' : 'below'}`, work });
    }
    if (l.late && l.upper === 1 && upperRuns(s, i)) {
      moves.push({ at: i, rank: 0, label: `link ${i}: ready above, too late`, work: () => m.readyAbove(i) });
    }
    if (ready && l.upper === 1 && i === 0 && s.host.alarmed)
      moves.push({ at: i, rank: 0, label: 'host resets by itself', work: () => m.hostReset() });
    if (ready && l.upper === 2 && l.signature)
      moves.push({ at: i, rank: 0, label: `link ${i}: signature`, work: () => m.signature(i) });
    if (l.asking && l.upper === 2 && l.toUpper === 0 && !l.signature && m.steps.answer(s.units[i]!.t)) {
      moves.push({ at: i, rank: 0, label: `link ${i}: identity`, work: () => m.identity(i) });
    }
  }

  #unitMoves(s: ChainState, i: number, moves: Move[]): void {
    const m = this.moves;
    const u = s.units[i]!;
    const bay = s.bays[i]!;
    if (!u.power) return;
    if (bay.toUpper > 0)
      moves.push({ at: i, rank: 0, label: `bay ${i}: ${SIGNALS[bay.toUpper]}`, work: () => m.hearBay(i) });
    else if (u.ddi && bay.drive > 0 && bay.ddi === 0)
      moves.push({ at: i, rank: 0, label: `bay ${i}: ready`, work: () => m.bayReady(i) });
    else if (bay.ddi === 1 && bay.drive !== DEAD)
      moves.push({ at: i, rank: 4, label: `bay ${i}: signature`, work: () => m.baySigns(i) });
    const t = m.steps.at(u.t);
    if (t.unsaved) moves.push({ at: i, rank: 0, label: `unit ${i}: saved`, work: () => m.saved(i) });
    if (t.state === 'T9')
      moves.push({ at: i, rank: 0, label: `unit ${i}: flushed`, work: () => m.flushed(i) });
    for (const timer of TIMERS) {
      if (!t.timers[timer]) continue;
      const slow = (timer === 'local' || timer === 'below') && t[timer].is === 'asked';
      const label = `unit ${i}: ${timer} over`;
      moves.push({ at: i, rank: rankOf(timer, t), label, work: () => m.timer(i, timer), slow });
    }
  }

  readonly #hostGivesUp: Move = {
    at: 0,
    rank: 0,
    label: 'host stops waiting',
    work: () => {
      this.moves.s.host.gaveUp = true;
    },
  };

  #waits({ host, links }: ChainState): boolean {
    return host.power && host.disk === 0 && links[0]!.upper > 0 && !host.gaveUp;
  }

  #world(s: ChainState): readonly Move[] {
    const m = this.moves;
    const { menu } = this.#options;
    const moves: Move[] = [];
    const add = (label: string, work: () => void): void => void moves.push({ at: 0, rank: 0, label, work });
    menu.drives.forEach((kinds, i) => {
      const { drive } = s.bays[i]!;
      if (kinds.length > 0 && drive > 0) add(`pull drive ${i}`, () => m.fill(i, 0));
      for (const kind of kinds) {
        if (kind === drive || s.bays.some((bay) => bay.drive === kind)) continue;
        add(`put drive ${kind} into bay ${i}`, () => m.fill(i, kind));
      }
    });
    for (const i of menu.cables)
      add(`cable ${i} ${s.links[i]!.cut ? 'joined' : 'cut'}`, () => m.toggleCable(i));
    for (const i of menu.power)
      add(`unit ${i} power ${s.units[i]!.power ? 'off' : 'on'}`, () => m.powerUnit(i));
    for (const i of menu.glitches) {
      if (!s.links[i]!.cut) add(`cable ${i} interrupted`, () => m.interrupt(i));
    }
    if (menu.hostPower) add(`host power ${s.host.power ? 'off' : 'on'}`, () => m.powerHost());
    if (menu.hostReset && s.host.power) add('host COMRESET', () => m.hostReset());
    menu.orders.forEach((orders, i) => {
      if (!s.units[i]!.power) return;
      for (const order of orders) {
        add(`unit ${i} order ${order}`, () => {
          if (m.order(i, order) && order === 'go-degraded') m.s.agreed = true;
        });
      }
    });
    return moves;
  }
}

const SIGNALS = ['', 'silence', 'a burst'] as const;
const FAULTS = new WeakMap<Step<string>, string>();

function rankOf(timer: UnitTimer, t: Pttrsm): Rank {
  if (timer === 'local' || timer === 'below') return SIDE_WAIT[t[timer].is] === 'absent' ? 2 : 5;
  return timer === 'pace' ? 1 : timer === 'resets' ? 5 : 3;
}
