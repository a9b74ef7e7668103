import type { UnitOrder } from '../../../src/sata-chain/unit/orders.ts';
import type { Menu } from './chain-options.ts';
import { DEAD, LONG_SECTORS, OTHER_SIZE, STRANGER } from './drives.ts';

/** What may be done to a chain, in words. Orders of the management controller go to the head, `degrade` to every unit. */
export type Trouble =
  /** Each drive is pulled and put back. */
  | 'drives'
  /** The tail's bay also gets a stranger, and one that never answers. */
  | 'strangers'
  /** The drives of the first two units change places. */
  | 'swaps'
  /** The head's drive comes back with another size, or with long sectors. */
  | 'sizes'
  | 'cables'
  /** A link loses signals for a moment. */
  | 'glitches'
  | 'power'
  | 'host power'
  | 'host resets'
  | 'owner'
  | 'lock'
  | 'degrade'
  | 'resync';

export function menuOf(units: number, ...troubles: readonly Trouble[]): Menu {
  const all = [...Array(units).keys()];
  const has = (trouble: Trouble): boolean => troubles.includes(trouble);
  const drives = all.map((i) => {
    const kinds = has('drives') ? [i + 1] : [];
    if (has('swaps') && i < 2) kinds.push(1, 2);
    if (has('strangers') && i === units - 1) kinds.push(i + 1, STRANGER, DEAD);
    if (has('sizes') && i === 0) kinds.push(1, OTHER_SIZE, LONG_SECTORS);
    return [...new Set(kinds)];
  });
  const orders = all.map((i): UnitOrder[] => [
    ...(has('owner') && i === 0 ? (['own', 'hand-back'] as const) : []),
    ...(has('lock') && i === 0 ? (['disable', 'enable'] as const) : []),
    ...(has('degrade') ? (['go-degraded'] as const) : []),
    ...(has('resync') ? (['resync'] as const) : []),
  ]);
  return {
    drives,
    cables: has('cables') ? all : [],
    glitches: has('glitches') ? all : [],
    power: has('power') ? all : [],
    hostPower: has('host power'),
    hostReset: has('host resets'),
    orders,
  };
}
