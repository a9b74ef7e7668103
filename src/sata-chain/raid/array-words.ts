import type { ArrayState, ArrayStatus } from './array-status.ts';

const WORDS: Readonly<Record<ArrayState, string>> = {
  healthy: 'every mirror has both copies',
  degraded: 'a mirror has one copy left and no spare to copy it to',
  copying: 'content is being copied',
  swapping: 'a copy is whole and takes its place now',
  down: 'a part of the disk has no drive that holds it',
};

/** An array in one line, for those who show many things beside it. */
export function summarizeArray(status: ArrayStatus): { kind: string; state: string; sentence: string } {
  const pairs = status.stretches.filter(({ copies, lost }) => copies.length + lost.length > 1).length;
  const alone = status.stretches.length - pairs;
  const spares = status.members.filter(({ state }) => state === 'ready').length;
  const kind = [
    counted(pairs, 'mirror pair'),
    counted(alone, pairs > 0 ? 'single drive' : 'spanned drive'),
    counted(spares, 'spare'),
  ].filter((part) => part !== '');
  const notes = [
    copyWords(status),
    counted(status.unequalRegions, 'region', ' being made equal'),
    counted(status.unreadableSectors, 'sector', ' lost until written'),
  ].filter((note) => note !== '');
  return {
    kind: kind.join(', '),
    state: status.state,
    sentence: [WORDS[status.state], ...notes].join('; '),
  };
}

function copyWords({ copy }: ArrayStatus): string {
  if (copy === undefined) return '';
  const percent = Math.floor((100 * copy.done) / Math.max(1, copy.sectors));
  const left = copy.secondsLeft === undefined ? '' : `, about ${copy.secondsLeft} s left`;
  return `${copy.kind === 'rebuild' ? 'rebuild' : 'move'} of ${copy.source} onto ${copy.target}: ${percent} %${left}`;
}

const counted = (count: number, what: string, more = ''): string =>
  count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}${more}`;
