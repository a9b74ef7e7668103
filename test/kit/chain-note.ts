import type { ChainNote } from '../../src/protocol/index.ts';

type UnitNote = ChainNote['units'][number];

const unitOf = (i: number, count: number): UnitNote => ({
  unit: (0xbc2a_0000_0000 + i * 7919).toString(16).padStart(16, '0'),
  position: i,
  heard: true,
  drive: {
    model: 'NS SIM DRIVE',
    serial: `S${String(i).padStart(5, '0')}`,
    sectors: 8_388_608,
    sectorSize: 512,
  },
  linkUp: 3,
  linkDown: i + 1 < count ? 3 : 0,
  driveLink: 3,
  dsi: { raw: 1, flags: ['phy-ready'] },
  csi: { raw: 1, flags: i + 1 < count ? ['below-present'] : [] },
  state: 'T4',
  stateWords: 'running',
  epoch: 1,
  version: 1,
  changed: { what: 'powered on', afterMs: 5, latest: i === 0 },
});

/** A chain of so many units that run, as chain.status tells of it; `alter` makes some of them otherwise. */
export function chainNoteOf(
  count: number,
  alter: (unit: UnitNote, i: number) => Omit<UnitNote, 'drive'> & { readonly drive?: UnitNote['drive'] } = (
    unit,
  ) => unit,
): ChainNote {
  const units = Array.from({ length: count }, (_, i): UnitNote => {
    const { drive, ...unit } = alter(unitOf(i, count), i);
    return drive === undefined ? unit : { ...unit, drive };
  });
  const sectors = units.reduce((sum, { drive }) => sum + (drive?.sectors ?? 0), 0);
  return {
    disk: 'disk0',
    chain: '23408bbd6262816a',
    state: 'T4',
    stateWords: 'running',
    sectors,
    presentedSectors: sectors,
    sectorSize: 512,
    held: false,
    degraded: false,
    trouble: [],
    unitCount: count,
    units,
    findings: [],
    inStep: true,
  };
}
