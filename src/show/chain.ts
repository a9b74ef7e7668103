import { formatBytes, toHex } from '../base/index.ts';
import type { ChainNote, ResultOf } from '../protocol/index.ts';
import { counted } from './text.ts';

/** Two blanks before each line of an answer leave this much of 80 columns. */
const WIDTH = 78;

type UnitNote = ChainNote['units'][number];
type Trouble = ChainNote['trouble'][number];

const SPEEDS = ['down', '1.5 Gb/s', '3 Gb/s', '6 Gb/s'];
const speed = (generation: number): string => SPEEDS[generation] ?? `generation ${generation}`;
const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;
const sectors = (count: number, size: number): string =>
  `${counted(count, 'sector')} of ${size} B, ${formatBytes(count * size)}`;

/** Text in lines of at most WIDTH, the first after `first` and the others after `rest`, parted only at `between`. */
function wrapped(first: string, rest: string, text: string, between = ' '): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(between)) {
    if (!empty && line.length + between.length + word.length >= WIDTH) {
      lines.push(`${line}${between.trimEnd()}`);
      line = rest;
      empty = true;
    }
    line += empty ? word : `${between}${word}`;
    empty = false;
  }
  return [...lines, line];
}

function troubleLines(label: string, troubles: readonly Trouble[]): string[] {
  return troubles.flatMap(({ sentence, remedy }) => [
    ...wrapped(`${label}: `, '  ', sentence),
    ...wrapped('  remedy: ', '    ', remedy),
  ]);
}

function unitLines(unit: UnitNote, below: boolean): string[] {
  const { drive, position } = unit;
  const bar = below ? ' |   ' : '     ';
  const field = (name: string, text: string, between?: string): string[] =>
    wrapped(`${bar}${name.padEnd(6)}`, `${bar}${' '.repeat(6)}`, text, between);
  const silent = unit.heard ? '' : ', NOT HEARD: what follows is old';
  const disk =
    drive === undefined
      ? 'none'
      : `${drive.model} S/N ${drive.serial}, ${sectors(drive.sectors, drive.sectorSize)}, link ${speed(unit.driveLink)}`;
  const latest = unit.changed.latest ? ' (the latest of all)' : '';
  return [
    `[${position ?? '?'}] ${unit.unit}, ${unit.state} ${unit.stateWords}${silent}`,
    ...field('drive', disk),
    ...field('DSI', `${hex(unit.dsi.raw)} ${unit.dsi.flags.join(', ')}`.trimEnd(), ', '),
    ...field('CSI', `${hex(unit.csi.raw)} ${unit.csi.flags.join(', ')}`.trimEnd(), ', '),
    ...field('last', `${unit.changed.what}, ${unit.changed.afterMs} ms after power-on${latest}`),
  ];
}

function drawing(chain: ChainNote): string[] {
  const lines: string[] = [];
  for (const [at, unit] of chain.units.entries()) {
    const head = unit.position === 0;
    if (head) lines.push('host');
    else if (at === 0) lines.push('(units nearer to the host are not in this answer)');
    lines.push(unit.linkUp === 0 ? ' x   link down' : ` |   ${speed(unit.linkUp)}`);
    const below = at + 1 < chain.units.length || chain.next !== undefined;
    lines.push(...unitLines(unit, below));
  }
  if (chain.next !== undefined) lines.push(` |`, `(more: --after ${chain.next})`);
  return lines;
}

function chainLines(chain: ChainNote, yes: AnswerWords): string[] {
  const shown =
    chain.presentedSectors === 0
      ? 'shown to the host now: nothing'
      : `shown to the host now: ${sectors(chain.presentedSectors, chain.sectorSize)}`;
  const { question } = chain;
  return [
    `${chain.disk}: ${chain.state} ${chain.stateWords}, ${counted(chain.unitCount, 'unit')}${chain.degraded ? ', DEGRADED' : ''}${chain.held ? ', HELD' : ''}`,
    `${chain.chain === undefined ? 'not enrolled in a chain' : `chain ${chain.chain}`}, tables ${chain.inStep ? 'in step' : 'NOT IN STEP'}`,
    `all drives: ${sectors(chain.sectors, chain.sectorSize)}`,
    shown,
    ...(chain.array === undefined
      ? []
      : wrapped('array: ', '  ', `${chain.array.kind}, ${chain.array.state}: ${chain.array.sentence}`)),
    ...troubleLines('trouble', chain.trouble),
    ...troubleLines('found', chain.findings),
    ...(question === undefined
      ? []
      : [...wrapped('question: ', '  ', question.sentence), `  yes: ${yes(chain.disk, toHex(question.id))}`]),
    ...drawing(chain),
  ];
}

/** The command that says yes to a chain's question. */
type AnswerWords = (disk: string, question: string) => string;

const fromAfar: AnswerWords = (disk, question) =>
  `nightshift chain sync HOST --disk ${disk} --accept ${question}`;

/** The chains of a host, drawn from the host downwards. */
export function showChain({ chains }: ResultOf<'chain.status'>, yes = fromAfar): string[] {
  return chains.flatMap((chain) => chainLines(chain, yes));
}

export function showChainSync({ chains, dryRun }: ResultOf<'chain.sync'>): string[] {
  if (dryRun) return ['nothing was changed: this could be done'];
  return chains.flatMap((chain) => [
    `${chain.disk}: ${chain.inStep ? 'in step' : 'NOT IN STEP'}, ${counted(chain.updatedCount, 'record')} brought up to date`,
    ...(chain.done === undefined ? [] : wrapped('done: ', '  ', chain.done)),
    ...chain.updated.map(({ unit, position, what }) => `[${position ?? '?'}] ${unit}: ${what}`),
    ...(chain.updatedCount > chain.updated.length
      ? [`and ${chain.updatedCount - chain.updated.length} more`]
      : []),
    ...troubleLines('found', chain.findings),
  ]);
}
