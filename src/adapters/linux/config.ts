import * as v from 'valibot';
import { shapeConfig } from '../../base/index.ts';

/** What differs on one machine from its board's description. */
const shape = v.strictObject({
  /** The states that this machine's host can be in: fewer than the board's, where its firmware has sleep switched off. */
  states: v.optional(v.pipe(v.array(v.picklist(['S0', 'S3', 'S4', 'S5', 'G3'])), v.minLength(2))),
  /** Other paths of disks than the board's. */
  disks: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          name: v.pipe(v.string(), v.regex(/^disk[0-9]{1,2}$/)),
          path: v.pipe(v.string(), v.regex(/^\/dev\/[\x21-\x7e]{1,200}$/)),
        }),
      ),
      v.maxLength(16),
    ),
  ),
});

export type LinuxBoardConfig = v.InferOutput<typeof shape>;

/** NS_CONFIG_INVALID names the mistake. */
export const parseLinuxBoardConfig = (linux: unknown): LinuxBoardConfig =>
  shapeConfig(shape, linux ?? {}, 'linux');
