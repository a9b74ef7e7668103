import type { Model, Step } from '../explorer/explore.ts';
import type { LinkState } from './chain-state.ts';
import { Interner } from './interner.ts';
import type { LinkModel, LinkStep } from './link-model.ts';
import {
  interrupt,
  lowerHears,
  lowerLine,
  lowerReady,
  tryAgain,
  upperHears,
  upperLine,
  upperReady,
} from './link-rules.ts';
import type { LinkNotices, LinkView } from './link-view.ts';

/** What one machine above a phy was told. */
type Told = `${'host' | 'device'} ${string}`;

interface Rule {
  readonly told: readonly Told[];
  readonly next: number;
}

const RESTING: LinkState = {
  cut: false,
  upper: 0,
  lower: false,
  toUpper: 0,
  toLower: 0,
  signature: false,
  asking: false,
  late: false,
};

/** What no machine above a phy looks at, and what the rules of the chain do not tell apart. */
const SILENT = new Set(['host seen', 'device seen']);

/**
 * Two phys and their wires beside all states that the rules of a link allow after the same things were told above. Where
 * no state is left, the phys have told something that the rules cannot tell: the chain model would not have seen it.
 */
export class LinkInclusion implements Model<string> {
  readonly initial: readonly string[];
  readonly #link: LinkModel;
  readonly #rules = new Interner<LinkState>((l) => JSON.stringify(l));
  readonly #sets = new Interner<readonly number[]>((set) => set.join());
  #all: number | undefined;
  readonly #after = new Map<string, number>();
  readonly #moves = new Map<string, readonly Rule[]>();

  constructor(link: LinkModel) {
    this.#link = link;
    const start = this.#sets.idOf([this.#rules.idOf(RESTING)]);
    this.initial = link.initial.map((state) => state + String.fromCharCode(start));
  }

  encode(state: string): string {
    return state;
  }

  decode(key: string): string {
    return key;
  }

  steps(state: string): readonly Step<string>[] {
    const set = state.charCodeAt(state.length - 1);
    const from = state.slice(0, -1);
    const view = this.#link.view(from);
    return this.#link.steps(from).map((step) => {
      // What a sleeping host cannot have heard binds nobody: see LinkView.blind.
      const after = this.#link.view(step.next).blind ? this.#any() : this.#follow(set, step, view);
      return { ...step, next: step.next + String.fromCharCode(after) };
    });
  }

  invariant(state: string): string | undefined {
    const none = this.#sets.at(state.charCodeAt(state.length - 1)).length === 0;
    return none
      ? 'the phys told what the rules of a link cannot tell'
      : this.#link.invariant(state.slice(0, -1));
  }

  edge(from: string, step: Step<string>): string | undefined {
    return this.#link.edge(from.slice(0, -1), step);
  }

  settled(state: string): string | undefined {
    return this.#link.settled(state.slice(0, -1));
  }

  /** All states that the rules know. */
  #any(): number {
    if (this.#all !== undefined) return this.#all;
    const seen = new Set(this.#sets.at(this.initial[0]!.charCodeAt(this.initial[0]!.length - 1)));
    const lines = [
      'host RUN',
      'host OFF',
      'host FORCE_RESET',
      'device RUN',
      'device OFF',
      'device FORCE_COMINIT',
    ];
    for (const rule of seen) {
      for (const { next } of this.#movesFrom(rule)) seen.add(next);
      for (const line of lines) for (const { next } of this.#line(rule, line)) seen.add(next);
    }
    this.#all = this.#sets.idOf([...seen].sort((a, b) => a - b));
    return this.#all;
  }

  /** The rule states that are left after a step of the phys. */
  #follow(set: number, step: LinkStep, before: LinkView): number {
    const told = toldBy(step.notices);
    const line = /^(host|device) (RUN|OFF|OFFLINE|FORCE_RESET|HOLD_RESET|FORCE_COMINIT)$/.exec(
      step.label,
    )?.[0];
    // Lines that a phy ignores change nothing.
    const changes = line !== undefined && step.next.length > 0 && !ignored(line, before) ? line : '';
    const key = `${set} ${changes} ${told.join()}`;
    const known = this.#after.get(key);
    if (known !== undefined) return known;
    const found = new Set<number>();
    for (const rule of this.#sets.at(set)) {
      for (const { told: first, next } of this.#line(rule, changes)) {
        if (first.every((word, i) => told[i] === word)) this.#reach(next, told.slice(first.length), found);
      }
    }
    const id = this.#sets.idOf([...found].sort((a, b) => a - b));
    this.#after.set(key, id);
    return id;
  }

  /** All that can be reached by telling exactly this. */
  #reach(rule: number, told: readonly Told[], found: Set<number>): void {
    const seen = new Set<string>();
    const todo: (readonly [number, number])[] = [[rule, 0]];
    for (let entry = todo.pop(); entry; entry = todo.pop()) {
      const [at, done] = entry;
      const key = `${at} ${done}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (done === told.length) found.add(at);
      for (const move of this.#movesFrom(at)) {
        if (move.told.every((word, i) => told[done + i] === word))
          todo.push([move.next, done + move.told.length]);
      }
    }
  }

  #line(rule: number, line: string): readonly Rule[] {
    const l = { ...this.#rules.at(rule) };
    const [side, order] = line.split(' ');
    if (side === '') return [{ told: [], next: rule }];
    const off = order === 'OFF' || order === 'OFFLINE';
    const fell =
      side === 'host'
        ? upperLine(l, off ? 'OFFLINE' : order === 'RUN' ? 'RUN' : 'FORCE_RESET')
        : lowerLine(l, off ? 'OFFLINE' : order === 'RUN' ? 'RUN' : 'FORCE_COMINIT');
    return [{ told: fell ? [`${side === 'host' ? 'host' : 'device'} lost`] : [], next: this.#rules.idOf(l) }];
  }

  #movesFrom(rule: number): readonly Rule[] {
    const known = this.#moves.get(`${rule}`);
    if (known) return known;
    const moves: Rule[] = [];
    const from = this.#rules.at(rule);
    const add = (work: (l: LinkState) => readonly Told[]): void => {
      const l = { ...from };
      const told = work(l).filter((word) => !SILENT.has(word));
      moves.push({ told, next: this.#rules.idOf(l) });
    };
    if (from.toUpper > 0) {
      add((l) => {
        const told = upperHears(l);
        return told ? [`host ${told}`] : [];
      });
    }
    if (from.toLower > 0) add((l) => lowerHears(l).map((word) => `device ${word}` as const));
    const quiet = from.toUpper === 0 && from.toLower === 0;
    if (quiet && from.upper === 1) {
      if (from.lower) add((l) => [`host ${upperReady(l)}`]);
      else add((l) => [`device ${lowerReady(l)}`]);
    }
    if (from.late && from.upper === 1) add((l) => [`host ${upperReady(l)}`]);
    const quietly = (work: (l: LinkState) => void): void =>
      add((l) => {
        work(l);
        return [];
      });
    if (from.upper < 2) quietly((l) => tryAgain(l, 'upper'));
    if (!from.lower) quietly((l) => tryAgain(l, 'lower'));
    quietly(interrupt);
    this.#moves.set(`${rule}`, moves);
    return moves;
  }
}

function toldBy(notices: LinkNotices): readonly Told[] {
  const told: Told[] = [
    ...notices.host.map((word) => `host ${word}` as const),
    ...notices.device.map((word) => `device ${word}` as const),
  ];
  return told.filter((word) => !SILENT.has(word));
}

const ignored = (line: string, before: LinkView): boolean => {
  if (line === 'device FORCE_COMINIT') return before.device.state === 'DP1' || before.device.state === 'DP2';
  return false;
};
