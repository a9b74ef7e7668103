/** In the order of their bits and bytes (IPMI 2.0, table 35-9). */
export const THRESHOLDS = [
  'lowerNonCritical',
  'lowerCritical',
  'lowerNonRecoverable',
  'upperNonCritical',
  'upperCritical',
  'upperNonRecoverable',
] as const;
export type Threshold = (typeof THRESHOLDS)[number];

/** Raw values; a threshold that the sensor lacks, or does not let anyone read, is not here. */
export type RawThresholds = Readonly<Partial<Record<Threshold, number>>>;
