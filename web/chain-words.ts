import type { ChainUnitView, ChainView, Tone } from '../src/web/host-wire.ts';

/** How a unit is, in a mark and a word: colour only says it once more. */
export interface Health {
  readonly mark: '✓' | '!' | '✕' | '?' | '↻';
  readonly word: string;
  readonly tone: Tone;
}

/** Most serious first: the first that holds is told in the picture; the table tells all. */
export function healthOf(unit: ChainUnitView, chain: ChainView): Health {
  if (!unit.heard) return { mark: '?', word: 'NOT HEARD, this is old', tone: 'bad' };
  const trouble = chain.troubles.find(({ units }) => units.includes(unit.unit));
  if (trouble?.code === 'missing-below' && hasTroubleBelow(unit, chain))
    return { mark: '!', word: 'waits for units below', tone: 'warn' };
  if (trouble !== undefined) return { mark: '✕', word: `FAULT: ${trouble.code}`, tone: 'bad' };
  if (unit.flags.includes('failed')) return { mark: '✕', word: 'FAULT: its drive has failed', tone: 'bad' };
  if (unit.drive === undefined) return { mark: '!', word: 'no drive', tone: 'warn' };
  if (unit.driveLink === 0) return { mark: '✕', word: 'FAULT: link to its drive is down', tone: 'bad' };
  if (unit.flags.includes('media-error')) return { mark: '!', word: 'unreadable sectors', tone: 'warn' };
  if (unit.flags.includes('held')) return { mark: '!', word: 'held', tone: 'warn' };
  if (isCopied(unit, chain)) return { mark: '↻', word: 'behind: being copied', tone: 'warn' };
  return { mark: '✓', word: 'well', tone: 'good' };
}

/** All units above one that misses something miss it too: the fault is where the last of them is. */
function hasTroubleBelow({ position }: ChainUnitView, { units, troubles }: ChainView): boolean {
  const troubled = new Set(troubles.flatMap((each) => each.units));
  return (
    position !== undefined &&
    units.some((other) => (other.position ?? -1) > position && troubled.has(other.unit))
  );
}

/** Whether the chain's array says of a unit that content is brought onto it. */
function isCopied({ unit }: ChainUnitView, { array }: ChainView): boolean {
  return (
    array !== undefined &&
    /^(copying|swapping)$/.test(array.state) &&
    array.sentence.includes(` onto ${unit}`)
  );
}

/** What it is to a mirror; empty where it is in none. */
export function roleOf({ flags }: ChainUnitView): string {
  if (flags.includes('spare')) return 'spare';
  if (flags.includes('raid-role 1')) return 'mirror, first copy';
  return flags.includes('raid-role 2') ? 'mirror, second copy' : '';
}

const SPEEDS = ['down', '1.5 Gb/s', '3 Gb/s', '6 Gb/s'];

export function speedText(generation: number | undefined): string {
  if (generation === undefined) return 'not known';
  return SPEEDS[generation] ?? `generation ${generation}`;
}

/** At most so many characters, so that it stays in its box. */
export function fitted(text: string, most: number): string {
  const all = Array.from(text);
  return all.length > most ? `${all.slice(0, most - 1).join('')}…` : text;
}

/** The chain in one sentence, as a picture's name for who does not see it. */
export function chainSentence(chain: ChainView): string {
  const { disk, unitCount, units, state, stateWords, troubles } = chain;
  const wrong = units.filter((unit) => healthOf(unit, chain).tone === 'bad').length;
  const sick = wrong === 0 ? 'none with a fault' : `${wrong} with a fault`;
  const troubled = troubles.length === 0 ? '' : `, ${troubles.length} troubles`;
  return `Chain ${disk}: ${state} ${stateWords}, ${unitCount} units, ${sick}${troubled}. The table below says the same.`;
}
