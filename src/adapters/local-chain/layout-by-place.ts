import * as v from 'valibot';
import { NsError, shapeConfig } from '../../base/index.ts';
import type { ArrayLayout } from '../../sata-chain/index.ts';

const place = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(255));

/** An array's layout with places in the chain instead of unit ids: 0 is the head. */
const placedLayout = v.strictObject({
  stretches: v.array(
    v.union([
      v.strictObject({ span: place }),
      v.strictObject({ mirror: v.strictTuple([place, place]), equal: v.optional(v.boolean()) }),
    ]),
  ),
  spares: v.optional(v.array(place), []),
});

/** NS_CONFIG_INVALID where it has another shape; NS_ARRAY_LAYOUT where a place has no unit. */
export function layoutByPlace(document: unknown, units: readonly string[]): ArrayLayout {
  const { stretches, spares } = shapeConfig(placedLayout, document, 'layout');
  const unitAt = (at: number): string => {
    const unit = units[at];
    if (unit !== undefined) return unit;
    throw new NsError('NS_ARRAY_LAYOUT', `there is no unit at place ${at} of the chain`, {
      family: 'caller',
    });
  };
  return {
    stretches: stretches.map((stretch) =>
      'span' in stretch
        ? { span: unitAt(stretch.span) }
        : {
            mirror: [unitAt(stretch.mirror[0]), unitAt(stretch.mirror[1])],
            ...(stretch.equal === undefined ? {} : { equal: stretch.equal }),
          },
    ),
    spares: spares.map(unitAt),
  };
}
