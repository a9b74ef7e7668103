import type { KnownPowerState } from '../ports/index.ts';

export const DOWN_STATES: readonly KnownPowerState[] = ['S3', 'S4', 'S5', 'G3'];

/** How a level of a line is called, and the states that it leaves possible. */
interface Level {
  readonly called: string;
  readonly leaves: readonly KnownPowerState[];
}

/** Signals with a plain ACPI meaning. Others prove nothing. */
const SIGNALS = {
  'ps-pwrok': { active: { called: 'high', leaves: ['S0'] }, idle: { called: 'low', leaves: DOWN_STATES } },
  'sio-power-good': {
    active: { called: 'high', leaves: ['S0'] },
    idle: { called: 'low', leaves: DOWN_STATES },
  },
  'sio-s3': {
    active: { called: 'asserted', leaves: DOWN_STATES },
    idle: { called: 'released', leaves: ['S0'] },
  },
  'sio-s5': {
    active: { called: 'asserted', leaves: ['S4', 'S5', 'G3'] },
    idle: { called: 'released', leaves: ['S0', 'S3'] },
  },
  // It may blink while the host sleeps: dark leaves S3 possible, and lit is taken for awake.
  'power-led': { active: { called: 'lit', leaves: ['S0'] }, idle: { called: 'dark', leaves: DOWN_STATES } },
  'standby-power': {
    active: { called: 'high', leaves: ['S0', 'S3', 'S4', 'S5'] },
    idle: { called: 'low', leaves: ['G3'] },
  },
} as const satisfies Readonly<Record<string, { readonly active: Level; readonly idle: Level }>>;

export type PowerSignal = keyof typeof SIGNALS;

/** What a signal is said to be. */
export const levelName = (signal: PowerSignal, active: boolean): string =>
  SIGNALS[signal][active ? 'active' : 'idle'].called;

/** The states that a signal leaves possible when it is called so; undefined for what proves nothing. */
export function statesBySignal(signal: string, called: string): readonly KnownPowerState[] | undefined {
  if (!Object.hasOwn(SIGNALS, signal)) return undefined;
  const { active, idle }: { active: Level; idle: Level } = SIGNALS[signal as PowerSignal];
  return [active, idle].find((level) => level.called === called)?.leaves;
}
