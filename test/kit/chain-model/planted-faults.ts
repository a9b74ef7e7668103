import { ACTS } from '../../../src/sata-chain/pttrsm/acts.ts';
import { GUARDS } from '../../../src/sata-chain/pttrsm/guards.ts';
import type { TAct, TGuard, TRow } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import { PTTRSM_ROWS } from '../../../src/sata-chain/pttrsm/rows.ts';
import { SIDE_ROWS } from '../../../src/sata-chain/pttrsm/side.ts';

/** A change of the tables that must not go unnoticed. `plant` makes it and gives back how to undo it. */
export interface PlantedFault {
  readonly name: string;
  plant(): () => void;
}

type Open<T> = { -readonly [K in keyof T]: T[K] };

function change<T extends object>(thing: T, by: Partial<T>): () => void {
  const open = thing as Open<T>;
  const before = { ...thing };
  Object.assign(open, by);
  return () => void Object.assign(open, before);
}

/** An event that never comes to a unit that has power. */
const NEVER = 'power good';

function row(state: TRow['from'][number], on: TRow['on'], act?: TAct): TRow {
  const found = PTTRSM_ROWS.find(
    (row) => row.from.includes(state) && row.on === on && (act === undefined || row.do?.includes(act)),
  );
  if (!found) throw new RangeError(`no row from ${state} on ${on} that does ${act}`);
  return found;
}

function guarded(state: TRow['from'][number], guard: TGuard): TRow {
  const found = PTTRSM_ROWS.find((row) => row.from.includes(state) && row.guard === guard);
  if (!found) throw new RangeError(`no row from ${state} if ${guard}`);
  return found;
}

const drop = (name: string, find: () => TRow): PlantedFault => ({
  name,
  plant: () => change(find(), { on: NEVER }),
});

const without = (name: string, act: TAct): PlantedFault => ({
  name,
  plant: () => change(ACTS, { [act]: () => {} } as Partial<typeof ACTS>),
});

const always = (name: string, guard: TGuard, value: boolean): PlantedFault => ({
  name,
  plant: () => change(GUARDS, { [guard]: () => value } as Partial<typeof GUARDS>),
});

export const PTTRSM_FAULTS: readonly PlantedFault[] = [
  drop('a missing member is not waited for', () => row('T2', 'at once', 'note missing')),
  drop('a faulty membership is presented', () => row('T2', 'at once', 'note fault')),
  always('present before the unit below is known', 'both settled', true),
  drop('the host is not called when its disk has changed', () => row('T3', 'at once', 'call')),
  drop('the loss of a member goes unnoticed', () => row('T4', 'at once', 'start resync')),
  drop('a member that comes late is never shown', () => guarded('T4', 'something arrived')),
  drop('a COMINIT that had to wait is never sent', () => row('T3', 'pace over')),
  drop('a loss of the link above leaves the signature standing', () => row('T4', 'pti lost')),
  without('a host that stopped waiting is never called', 'host stops waiting'),
  without('the owner takes the chain and leaves the port to the host open', 'hide'),
  {
    name: 'the chain is handed back before it is flushed',
    plant: () => change(row('T8', 'order hand-back'), { do: ['show'], to: 'T1' }),
  },
  without('a disabled unit goes on answering COMRESET', 'silence all'),
  drop('a unit that is disabled runs on', () => row('T4', 'saved', 'silence all')),
  {
    name: 'a lock is forgotten at power on',
    plant: () => change(row('T0', 'power good', 'silence all'), { on: 'saved' }),
  },
  {
    name: 'an exchange of a drive changes nothing',
    plant: () => change(SIDE_ROWS.find(({ on }) => on === 'exchanged')!, { from: [] }),
  },
  {
    name: 'a drive that is gone stays known',
    plant: () =>
      change(SIDE_ROWS.find(({ on }) => on === 'lost')!, { from: ['waiting', 'asked', 'failed', 'refused'] }),
  },
  {
    name: 'an answer after T_spin is dropped',
    plant: () =>
      change(SIDE_ROWS.find(({ from, on }) => on === 'identity' && from.includes('failed'))!, { from: [] }),
  },
];
