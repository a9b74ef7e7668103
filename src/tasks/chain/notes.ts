import { fromHex, refuse, type Verdict } from '../../base/index.ts';
import { type ChainNote, MOST_LISTED, type ResultOf } from '../../protocol/index.ts';
import type { ChainControl, ChainReport, ChainSyncReport, UnitReport } from '../../sata-chain/index.ts';
import type { TaskServices } from '../services.ts';

/** The chains that an order means: one by its disk, or all. */
export function chainsOf(
  { chains = [] }: Pick<TaskServices, 'chains'>,
  disk: string | undefined,
): Verdict<readonly ChainControl[]> {
  if (chains.length === 0) return refuse('NO_CHAIN');
  if (disk === undefined) return { ok: true, value: chains };
  const named = chains.filter((chain) => chain.disk === disk);
  if (named.length > 0) return { ok: true, value: named };
  const there = chains.map((chain) => chain.disk).join(', ');
  return refuse('NO_CHAIN', `${disk} is no chain; ${there} ${chains.length === 1 ? 'is one' : 'are'}.`);
}

/** One page of a report: the units from `from` on, `most` of them. */
export function chainNote(report: ChainReport, from: number, most: number): ChainNote {
  const { chain, array, question, units, trouble, findings, ...plain } = report;
  const page = units.slice(from, from + most);
  const next = from + page.length;
  return {
    ...plain,
    ...(chain === undefined ? {} : { chain }),
    ...(array === undefined ? {} : { array: { ...array } }),
    ...(question === undefined
      ? {}
      : { question: { id: fromHex(question.id), sentence: question.sentence } }),
    trouble: trouble.slice(0, MOST_LISTED).map((each) => ({ ...each })),
    findings: findings.slice(0, MOST_LISTED).map((each) => ({ ...each })),
    unitCount: units.length,
    units: page.map(unitNote),
    ...(next < units.length ? { next } : {}),
  };
}

function unitNote({ position, drive, dsi, csi, changed, ...plain }: UnitReport): ChainNote['units'][number] {
  return {
    ...plain,
    ...(position === undefined ? {} : { position }),
    ...(drive === undefined ? {} : { drive: { ...drive } }),
    dsi: { raw: dsi.raw, flags: [...dsi.flags] },
    csi: { raw: csi.raw, flags: [...csi.flags] },
    changed: { ...changed },
  };
}

export function syncNote(report: ChainSyncReport): ResultOf<'chain.sync'>['chains'][number] {
  const { disk, inStep, updated, findings, done } = report;
  return {
    disk,
    inStep,
    updatedCount: updated.length,
    updated: updated.slice(0, MOST_LISTED).map(({ unit, position, what }) => ({
      unit,
      what,
      ...(position === undefined ? {} : { position }),
    })),
    findings: findings.slice(0, MOST_LISTED).map((each) => ({ ...each })),
    ...(done === undefined ? {} : { done }),
  };
}
