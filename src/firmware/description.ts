import * as v from 'valibot';
import { flashLayout } from '../board/index.ts';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What a packed firmware says of itself, in /opt/nightshift/firmware.json. */
export const firmwareDescription = v.pipe(
  v.strictObject({
    v: v.literal(1),
    /** By its folder's name. */
    board: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/)),
    version: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
    rollback: whole,
    layout: flashLayout,
    /** Who signs updates that this one takes: "ed25519:…", as in keyring files. */
    keys: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(8)),
    /** A release takes nothing that is signed by a key which anybody has. */
    release: v.boolean(),
    /** Where the two copies of the boot record lie: bytes from the start of that partition, and between the copies. */
    record: v.strictObject({ partition: v.string(), offset: whole, step: v.pipe(whole, v.minValue(512)) }),
  }),
  v.check(
    ({ layout, record }) =>
      layout.partitions.some(
        ({ name, size }) => name === record.partition && record.offset + 2 * record.step <= size,
      ),
    'the boot record lies in no partition of the layout',
  ),
);

export type FirmwareDescription = v.InferOutput<typeof firmwareDescription>;
