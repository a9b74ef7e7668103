import { formatBytes } from '../base/index.ts';
import type { ChainNote, ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import type { ChainTroubleView, ChainUnitView, ChainView } from './host-wire.ts';

type UnitNote = ChainNote['units'][number];

function unitView(note: UnitNote): ChainUnitView {
  const { unit, position, heard, state, stateWords, linkUp, linkDown, driveLink } = note;
  const { dsi, csi, drive, changed } = note;
  return {
    unit,
    ...(position === undefined ? {} : { position }),
    heard,
    linkUp,
    linkDown,
    driveLink,
    state: clean(state),
    stateWords: clean(stateWords),
    flags: [...new Set([...dsi.flags, ...csi.flags])].map(clean),
    changed: clean(
      `${changed.what}, ${changed.afterMs} ms after power-on${changed.latest ? ', the latest of all' : ''}`,
    ),
    ...(drive === undefined
      ? {}
      : {
          drive: {
            model: clean(drive.model),
            serial: clean(drive.serial),
            size: formatBytes(drive.sectors * drive.sectorSize),
          },
        }),
  };
}

/** A trouble names its unit in its sentence, and by that finds its place in the picture. */
function troubleView(
  { code, sentence, remedy }: ChainNote['trouble'][number],
  units: readonly UnitNote[],
): ChainTroubleView {
  return {
    code: clean(code),
    sentence: clean(sentence),
    remedy: clean(remedy),
    units: units.map(({ unit }) => unit).filter((unit) => sentence.includes(unit)),
  };
}

function chainView(chain: ChainNote): ChainView {
  const places = new Map(chain.units.map(({ unit, position }) => [unit, position ?? -1]));
  // The deepest first: what a unit lacks, all above it lack too.
  const depthOf = ({ units }: ChainTroubleView): number =>
    Math.max(-1, ...units.map((unit) => places.get(unit) ?? -1));
  const { disk, state, stateWords, degraded, held, inStep, array, units, unitCount } = chain;
  return {
    disk: clean(disk),
    ...(chain.chain === undefined ? {} : { chain: chain.chain }),
    state: clean(state),
    stateWords: clean(stateWords),
    degraded,
    held,
    inStep,
    shown: chain.presentedSectors === 0 ? 'nothing' : formatBytes(chain.presentedSectors * chain.sectorSize),
    ...(array === undefined
      ? {}
      : { array: { kind: clean(array.kind), state: clean(array.state), sentence: clean(array.sentence) } }),
    unitCount,
    units: units.map(unitView),
    troubles: [...chain.trouble, ...chain.findings]
      .map((each) => troubleView(each, units))
      .sort((a, b) => depthOf(b) - depthOf(a)),
  };
}

/** The chains of a host, as the page draws them. */
export function chainViews({ chains }: ResultOf<'chain.status'>): readonly ChainView[] {
  return chains.map(chainView);
}
