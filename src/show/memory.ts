import { toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { counted, sized } from './text.ts';

const ERRORS_SHOWN = 10;

function moduleLine(m: ResultOf<'memory.check'>['modules'][number]): string {
  if (!m.populated) return `module ${m.slot}: empty`;
  const size = m.bytes === undefined ? undefined : sized(m.bytes);
  const known = [m.type, size, m.partNumber, m.serial].filter((part) => part !== undefined);
  const crc = m.crcOk === undefined ? [] : [`SPD CRC ${m.crcOk ? 'right' : 'WRONG'}`];
  return `module ${m.slot}: ${[...known, ...crc].join(', ') || 'present'}`;
}

/** What was checked, how much of all there is, what was found, and what was not reached: nothing is left to guess. */
export function showMemory(r: ResultOf<'memory.check'>): string[] {
  const percent = `${(r.coveredBasisPoints / 100).toFixed(2)} %`;
  const by = r.algorithms.length === 0 ? '' : ` by ${r.algorithms.join(' and ')}`;
  const hex = (at: number): string => `0x${at.toString(16)}`;
  const where = (at: number): string =>
    r.medium === 'storage' ? `LBA ${at}` : r.medium === 'spd' ? `slot ${at}` : hex(at);
  const unlisted = r.errorCount - Math.min(r.errors.length, ERRORS_SHOWN);
  return [
    `${r.medium}${by}: ${percent} covered, ${counted(r.errorCount, 'error')}`,
    ...r.covered
      .slice(0, ERRORS_SHOWN)
      .map(({ start, length }) =>
        r.medium === 'dram'
          ? `covered: ${hex(start)} + ${sized(length)}`
          : `covered: ${r.medium === 'storage' ? 'LBA ' : ''}${start} + ${length}`,
      ),
    ...r.errors.slice(0, ERRORS_SHOWN).map((e) => {
      const values =
        e.expected === undefined || e.actual === undefined
          ? ''
          : `, expected ${toHex(e.expected)}, found ${toHex(e.actual)}`;
      return `error: ${where(e.at)}${e.slot === undefined ? '' : ` (${e.slot})`}: ${e.what}${values}`;
    }),
    ...(unlisted > 0 ? [`… and ${counted(unlisted, 'more error')}`] : []),
    ...r.notReached.map(({ what, why }) => `NOT CHECKED: ${what}: ${why}`),
    ...r.modules.map(moduleLine),
  ];
}
