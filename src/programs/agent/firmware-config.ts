import * as v from 'valibot';
import { shapeConfig } from '../../base/index.ts';

/** The configuration's section `firmware`. */
const section = v.strictObject({
  /** How long a new firmware may take to prove itself; then the one before comes back. */
  trialMinutes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(240)), 10),
  /** A medium in files, to try updates where there is no flash. */
  image: v.optional(
    v.strictObject({
      /** As /opt/nightshift/firmware.json of a packed image. */
      description: v.string(),
      medium: v.string(),
      /** Holds "a" or "b": which slot was started. */
      slot: v.string(),
    }),
  ),
});

export type FirmwareConfig = v.InferOutput<typeof section>;

/** NS_CONFIG_INVALID. */
export function firmwareConfig(given: unknown): FirmwareConfig {
  return shapeConfig(section, given ?? {}, 'firmware');
}
