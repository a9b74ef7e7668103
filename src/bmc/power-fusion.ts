import type { KnownPowerState, PowerClaim, PowerReading } from '../ports/index.ts';

/** What one source said, or that it did not answer. */
export interface SourceAnswer {
  readonly name: string;
  readonly required: boolean;
  readonly claim: PowerClaim | { readonly failed: string };
}

/** To the disk these are one: off. What tells S4 from S5 lies on the disk itself, and the gate looks there. */
const OFF: readonly KnownPowerState[] = ['S4', 'S5', 'G3'];

/**
 * One reading from all sources: the state that each of them leaves possible. The state is unknown where a required source did
 * not answer, where nothing is left that all allow, and where more than one state is left and the difference matters to a
 * disk. `boardStates`: those that this board can be in at all.
 */
export function fusePower(
  answers: readonly SourceAnswer[],
  boardStates: readonly KnownPowerState[],
): PowerReading {
  const sources: Record<string, string> = {};
  let left = [...boardStates];
  let missing = answers.length === 0;
  for (const { name, required, claim } of answers) {
    if ('failed' in claim) {
      sources[name] = claim.failed;
      missing ||= required;
      continue;
    }
    for (const [signal, value] of Object.entries(claim.said)) {
      sources[Object.hasOwn(sources, signal) ? `${name}-${signal}` : signal] = value;
    }
    left = left.filter((state) => claim.possible.includes(state));
  }
  const unknown = (fusion: PowerReading['fusion']): PowerReading => ({
    state: 'unknown',
    sources,
    certain: false,
    fusion,
  });
  if (missing) return unknown('missing');
  if (left.length === 0) return unknown('contradiction');
  const state = left.length === 1 ? left[0] : offState(left);
  if (state === undefined) return unknown('ambiguous');
  return { state, sources, certain: true, fusion: 'agreed' };
}

/** Several kinds of off are S5 while that is among them. */
function offState(left: readonly KnownPowerState[]): KnownPowerState | undefined {
  if (!left.every((state) => OFF.includes(state))) return undefined;
  return left.includes('S5') ? 'S5' : 'S4';
}
