import { findCycle } from './find-cycle.ts';
import { GrowingInts } from './growing-ints.ts';

/**
 * One thing that can happen. An internal step is what the machines do by themselves and happens sooner or later; any
 * other is the world's doing and need never come.
 */
export interface Step<S> {
  readonly label: string;
  readonly internal: boolean;
  readonly next: S;
}

export interface Model<S> {
  readonly initial: readonly S[];
  steps(state: S): readonly Step<S>[];
  /** The same text for the same state, and for no other. */
  encode(state: S): string;
  decode(key: string): S;
  /** What is wrong with this state, where anything is. */
  invariant(state: S): string | undefined;
  /** The same for a state in which no internal step is left: nothing will change until the world moves. */
  settled(state: S): string | undefined;
  /** What is wrong with a step, where that shows in neither state alone. */
  edge?(from: S, step: Step<S>): string | undefined;
}

export interface Fault {
  /** A forbidden state or step, a wrong place to come to rest, or internal steps that go round for ever. */
  readonly is: 'invariant' | 'edge' | 'settled' | 'livelock';
  readonly says: string;
  /** Labels from the initial state, the shortest way. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly edges: number;
  readonly settled: number;
  /** True where every reachable state was seen. */
  readonly complete: boolean;
  /** The first fault found; breadth first, so its trace is the shortest. */
  readonly fault: Fault | undefined;
}

/** Visits every state that can be reached, breadth first, until a fixpoint, a fault, or `limit` states. */
export function explore<S>(model: Model<S>, limit: number): Exploration {
  const seen = new Map<string, number>();
  const keys: string[] = [];
  const parents = new GrowingInts();
  const reasons = new GrowingInts();
  const labels = new Map<string, number>();
  const internalFrom = new GrowingInts();
  const internalTo = new GrowingInts();
  let edges = 0;
  let settled = 0;

  const labelOf = (label: string): number => {
    const known = labels.get(label);
    if (known !== undefined) return known;
    labels.set(label, labels.size);
    return labels.size - 1;
  };
  const visit = (state: S, parent: number, label: string): number => {
    const key = model.encode(state);
    const known = seen.get(key);
    if (known !== undefined) return known;
    const id = keys.length;
    seen.set(key, id);
    keys.push(key);
    parents.push(parent);
    reasons.push(labelOf(label));
    return id;
  };
  const traceTo = (state: number): string[] => {
    const names = [...labels.keys()];
    const trace: string[] = [];
    for (let at = state; parents.at(at) >= 0; at = parents.at(at)) trace.unshift(names[reasons.at(at)]!);
    return trace;
  };
  const result = (fault?: Fault, complete = false): Exploration => ({
    states: keys.length,
    edges,
    settled,
    complete,
    fault,
  });

  for (const state of model.initial) visit(state, -1, '');
  for (let at = 0; at < keys.length; at += 1) {
    if (keys.length > limit) return result();
    const state = model.decode(keys[at]!);
    const broken = model.invariant(state);
    if (broken !== undefined) return result({ is: 'invariant', says: broken, trace: traceTo(at) });
    let restless = false;
    for (const step of model.steps(state)) {
      edges += 1;
      const wrong = model.edge?.(state, step);
      if (wrong !== undefined)
        return result({ is: 'edge', says: wrong, trace: [...traceTo(at), step.label] });
      const next = visit(step.next, at, step.label);
      if (!step.internal) continue;
      restless = true;
      internalFrom.push(at);
      internalTo.push(next);
    }
    if (restless) continue;
    settled += 1;
    const wrong = model.settled(state);
    if (wrong !== undefined) return result({ is: 'settled', says: wrong, trace: traceTo(at) });
  }
  const round = findCycle(keys.length, internalFrom, internalTo);
  if (round === undefined) return result(undefined, true);
  const says = `goes round for ever by itself from here: ${keys[round]}`;
  return result({ is: 'livelock', says, trace: traceTo(round) }, true);
}
