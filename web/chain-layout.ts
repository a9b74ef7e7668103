import type { ChainView } from '../src/web/host-wire.ts';

/** Pixels; a unit's box is as large in a chain of a hundred as in one of two, so that its text stays legible. */
export const BOX = { width: 204, height: 118 } as const;
const GAP = { across: 60, down: 46 } as const;
const MARGIN = 14;

interface Place {
  readonly x: number;
  readonly y: number;
}

export type Box = Place & { readonly width: number; readonly height: number; readonly key: string } & (
    | { readonly is: 'host' }
    /** Units that are nearer to the host, or farther from it, than those of this answer. */
    | { readonly is: 'more'; readonly units: number }
    | { readonly is: 'unit'; readonly unit: ChainView['units'][number] }
  );

/** Between one box and the next, from edge to edge. */
export interface Cable {
  readonly key: string;
  readonly from: Place;
  readonly to: Place;
  readonly middle: Place;
  readonly upright: boolean;
  /** Generation of the link; 0: it is down. Undefined: nobody knows. */
  readonly generation: number | undefined;
}

export interface ChainLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly cables: readonly Cable[];
}

type Cell = Box extends infer B ? (B extends Box ? Omit<B, 'x' | 'y' | 'width' | 'height'> : never) : never;

function cellsOf({ units, unitCount }: ChainView): readonly Cell[] {
  const before = units[0]?.position ?? 0;
  const after = Math.max(0, unitCount - before - units.length);
  return [
    { is: 'host', key: 'host' },
    ...(before > 0 ? [{ is: 'more', key: 'before', units: before } as const] : []),
    ...units.map((unit, i) => ({ is: 'unit', key: `unit ${i}`, unit }) as const),
    ...(after > 0 ? [{ is: 'more', key: 'after', units: after } as const] : []),
  ];
}

/** The generation at which two neighbours hear each other. A unit knows of both its links, a host tells nothing. */
function generationBetween(upper: Cell, lower: Cell): number | undefined {
  const below = upper.is === 'unit' ? upper.unit.linkDown : undefined;
  const above = lower.is === 'unit' ? lower.unit.linkUp : undefined;
  if (below === undefined && above === undefined) return undefined;
  // What a unit that is not heard last said of its link is old.
  if (lower.is === 'unit' && !lower.unit.heard)
    return upper.is === 'unit' && !upper.unit.heard ? undefined : 0;
  return Math.min(below ?? above ?? 0, above ?? below ?? 0);
}

/** Where row and column of a cell are: rows go to and fro, so that neighbours of the chain are neighbours in the picture. */
function placeOf(index: number, columns: number): Place {
  const row = Math.floor(index / columns);
  const along = index % columns;
  const column = row % 2 === 0 ? along : columns - 1 - along;
  return {
    x: MARGIN + column * (BOX.width + GAP.across),
    y: MARGIN + row * (BOX.height + GAP.down),
  };
}

function cable(key: string, a: Place, b: Place, generation: number | undefined): Cable {
  const upright = a.x === b.x;
  const [half, full] = [BOX.height / 2, BOX.height];
  const rightwards = b.x > a.x;
  const from = upright
    ? { x: a.x + BOX.width / 2, y: a.y + full }
    : { x: rightwards ? a.x + BOX.width : a.x, y: a.y + half };
  const to = upright
    ? { x: b.x + BOX.width / 2, y: b.y }
    : { x: rightwards ? b.x : b.x + BOX.width, y: b.y + half };
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  return { key, from, to, middle, upright, generation };
}

/** Where everything of a chain is drawn, in a view at least as wide as one box. */
export function layoutChain(chain: ChainView, viewWidth: number): ChainLayout {
  const cells = cellsOf(chain);
  const room = Math.max(0, viewWidth - 2 * MARGIN + GAP.across);
  const columns = Math.max(1, Math.min(cells.length, Math.floor(room / (BOX.width + GAP.across)) || 1));
  const rows = Math.ceil(cells.length / columns);
  const places = cells.map((_, i) => placeOf(i, columns));
  const at = (i: number): Place => places[i] ?? { x: 0, y: 0 };
  return {
    width: 2 * MARGIN + columns * (BOX.width + GAP.across) - GAP.across,
    height: 2 * MARGIN + rows * (BOX.height + GAP.down) - GAP.down,
    boxes: cells.map((cell, i) => ({ ...cell, ...at(i), ...BOX })),
    cables: cells.slice(1).flatMap((lower, i) => {
      const upper = cells[i];
      return upper === undefined ? [] : [cable(lower.key, at(i), at(i + 1), generationBetween(upper, lower))];
    }),
  };
}
