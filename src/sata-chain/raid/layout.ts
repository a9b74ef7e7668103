import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { NsError, shapeConfig } from '../../base/index.ts';
import { type ArrayTable, type MappingRegister, MOST_MEMBERS } from './array-table.ts';

/** A member of the chain as its stored membership has it, in chain order. */
export interface ChainMember {
  readonly unit: string;
  readonly serial: string;
  readonly sectors: number;
  readonly sectorSize: 512 | 4096;
}

const UnitId = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, 'a unit is 16 hexadecimal digits'));

/** How an operator says what the units are for. Stretches stand one behind another in the order given. */
export const ArrayLayout = v.strictObject({
  stretches: v.pipe(
    v.array(
      v.union([
        v.strictObject({ span: UnitId }),
        v.strictObject({
          /** The first one's content counts: it is copied to the second, unless both are said to be equal. */
          mirror: v.strictTuple([UnitId, UnitId]),
          equal: v.optional(v.boolean(), false),
        }),
      ]),
    ),
    v.minLength(1, 'an array has at least one stretch'),
    v.maxLength(MOST_MEMBERS),
  ),
  spares: v.optional(v.pipe(v.array(UnitId), v.maxLength(MOST_MEMBERS)), []),
});
export type ArrayLayout = v.InferInput<typeof ArrayLayout>;

/**
 * The table of a new array. NS_ARRAY_LAYOUT where the layout does not fit the members: a unit that is not in the
 * chain, named twice or left out, a pair of one unit, a spare that can replace nothing, unequal sector sizes.
 */
export function tableFor(document: unknown, members: readonly ChainMember[], array: string): ArrayTable {
  const layout = shapeConfig(ArrayLayout, document, 'array layout');
  const sectorSize = checkMembers(members);
  const pairs = layout.stretches.map((stretch) =>
    'span' in stretch ? { units: [stretch.span] } : { units: stretch.mirror, equal: stretch.equal },
  );
  checkNames([...pairs.flatMap(({ units }) => units), ...layout.spares], members);

  const sectorsOf = new Map(members.map(({ unit, sectors }) => [unit, sectors]));
  const places = new Map<string, Pick<MappingRegister, 'role' | 'state' | 'logicalBase' | 'length'>>();
  let logicalBase = 0;
  let shortestPair = Number.POSITIVE_INFINITY;
  for (const { units, equal } of pairs) {
    const [data, mirror] = units;
    const length = Math.min(sectorsOf.get(data!)!, sectorsOf.get(mirror ?? data!)!);
    places.set(data!, { role: 'data', state: 'live', logicalBase, length });
    if (mirror !== undefined) {
      // A mirror that is not equal yet is its own replacement.
      const place = equal
        ? ({ role: 'mirror', state: 'live' } as const)
        : ({ role: 'spare', state: 'ready' } as const);
      places.set(mirror, { ...place, logicalBase, length });
      shortestPair = Math.min(shortestPair, length);
    }
    logicalBase += length;
  }
  for (const spare of layout.spares) {
    if (sectorsOf.get(spare)! < shortestPair) {
      throw layoutError(`spare ${spare} is smaller than every mirror pair, so it can replace nothing`);
    }
    places.set(spare, { role: 'spare', state: 'ready', logicalBase: 0, length: 0 });
  }

  let start = 0;
  const registers = members.map(({ unit, serial, sectors }): MappingRegister => {
    const window = { lba: start, count: sectors };
    start += sectors;
    return { unit, serial, window, ...places.get(unit)! };
  });
  return {
    array,
    layout: layoutDigest(document),
    sectorSize,
    registers,
    copy: null,
    nextCopy: 1,
    unreadable: [],
  };
}

/** Tells layouts apart; two documents that say the same in the same words have one digest. */
export function layoutDigest(document: unknown): string {
  const layout = shapeConfig(ArrayLayout, document, 'array layout');
  return createHash('sha256').update(JSON.stringify(layout)).digest('hex').slice(0, 16);
}

function checkMembers(members: readonly ChainMember[]): 512 | 4096 {
  const [first] = members;
  if (first === undefined) throw layoutError('the chain has no members');
  if (members.length > MOST_MEMBERS) {
    throw layoutError(`${members.length} members are more than the ${MOST_MEMBERS} that an array can have`);
  }
  let total = 0;
  for (const { unit, sectors, sectorSize } of members) {
    if (!Number.isSafeInteger(sectors) || sectors <= 0) throw layoutError(`unit ${unit} has no sectors`);
    if (sectorSize !== first.sectorSize) {
      throw layoutError(
        `unit ${unit} has ${sectorSize}-byte sectors, unit ${first.unit} ${first.sectorSize}`,
      );
    }
    total += sectors;
  }
  if (total >= 2 ** 48) throw layoutError('the members together have 2^48 sectors or more');
  if (new Set(members.map(({ unit }) => unit)).size !== members.length) {
    throw layoutError('a unit is in the chain twice');
  }
  return first.sectorSize;
}

function checkNames(named: readonly string[], members: readonly ChainMember[]): void {
  const known = new Set(members.map(({ unit }) => unit));
  const seen = new Set<string>();
  for (const unit of named) {
    if (!known.has(unit)) throw layoutError(`unit ${unit} is not in the chain`);
    if (seen.has(unit)) throw layoutError(`unit ${unit} is named twice`);
    seen.add(unit);
  }
  const left = members.filter(({ unit }) => !seen.has(unit)).map(({ unit }) => unit);
  if (left.length > 0) throw layoutError(`the layout says nothing of unit ${left.join(', ')}`);
}

const layoutError = (sentence: string): NsError =>
  new NsError('NS_ARRAY_LAYOUT', `array layout: ${sentence}`, { family: 'caller' });
