import type { PowerReading, PowerState } from '../ports/index.ts';
import { DOWN_STATES, statesBySignal } from './power-signals.ts';

/**
 * What is known of the host's power from all readings so far. A single reading is not enough: pins cannot tell S4
 * from S5, so a host once seen hibernated stays so until it has been seen awake.
 */
export type PowerView =
  | { readonly is: 'unread' }
  | {
      readonly is: 'read';
      /** The latest reading, contradictions resolved to unknown. */
      readonly reading: PowerReading;
      /** Seen in S4 and not in S0 since: an image of the running system waits on the disk. */
      readonly hibernated: boolean;
    };

export interface PowerStep {
  readonly view: Extract<PowerView, { is: 'read' }>;
  readonly changed: boolean;
  /** The host cannot have come here without having been awake, unseen, since the reading before. */
  readonly wokeUnseen: boolean;
}

/** The reading itself, or `unknown` with the contradiction added to its sources. */
export function normaliseReading(reading: PowerReading): PowerReading {
  if (!reading.certain || reading.state === 'unknown') {
    const fusion = reading.fusion === 'agreed' ? 'missing' : reading.fusion;
    return { state: 'unknown', sources: reading.sources, certain: false, fusion };
  }
  for (const [source, value] of Object.entries(reading.sources)) {
    const possible = statesBySignal(source, value);
    if (possible && !possible.includes(reading.state)) {
      const contradiction = `${source} ${value} against ${reading.state}`;
      const sources = { ...reading.sources, contradiction };
      return { state: 'unknown', sources, certain: false, fusion: 'contradiction' };
    }
  }
  return reading;
}

/** Where ACPI lets a host go without passing through S0; staying is always possible. */
const WITHOUT_WAKING: Readonly<Record<PowerState, readonly PowerState[]>> = {
  S0: ['S3', 'S4', 'S5', 'G3'],
  S3: ['S5', 'G3'],
  S4: ['S5', 'G3'],
  S5: ['G3'],
  G3: ['S5', 'S4'],
  unknown: DOWN_STATES,
};

/** Takes one more reading into the view. */
export function observe(before: PowerView, raw: PowerReading): PowerStep {
  const seen = normaliseReading(raw);
  const last = before.is === 'read' ? before.reading : undefined;
  const from = last?.state ?? 'unknown';
  const wokeUnseen =
    seen.state !== 'S0' &&
    seen.state !== 'unknown' &&
    seen.state !== from &&
    !WITHOUT_WAKING[from].includes(seen.state);
  const hibernated =
    seen.state === 'S4' ||
    (before.is === 'read' && before.hibernated && seen.state !== 'S0' && seen.state !== 'S3');
  const reading: PowerReading =
    hibernated && (seen.state === 'S5' || seen.state === 'G3')
      ? {
          state: 'S4',
          certain: true,
          fusion: seen.fusion,
          sources: { ...seen.sources, remembered: `hibernated before ${seen.state}` },
        }
      : seen;
  return {
    view: { is: 'read', reading, hibernated },
    changed: last === undefined || last.state !== reading.state || last.certain !== reading.certain,
    wokeUnseen,
  };
}
