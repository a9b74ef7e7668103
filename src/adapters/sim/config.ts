import * as v from 'valibot';
import { shapeConfig } from '../../base/index.ts';
import { RESTORE_POLICIES } from './boot-guard.ts';

const whole = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(minimum), v.maxValue(maximum));
const powerState = v.picklist(['S0', 'S3', 'S4', 'S5', 'G3', 'unknown']);
const offset = whole(0, 2 ** 32);
const bit = v.optional(whole(0, 7), 0);
const cell = v.strictObject({ at: offset, bit });

/** A fault of a memory cell or of its address, as in memory-cells.ts. */
export const memoryFault = v.variant('kind', [
  v.strictObject({ kind: v.literal('stuck-at'), at: offset, bit, value: v.picklist([0, 1]) }),
  v.strictObject({ kind: v.literal('transition'), at: offset, bit, cannot: v.picklist(['rise', 'fall']) }),
  v.strictObject({
    kind: v.literal('coupling'),
    aggressor: cell,
    on: v.picklist(['rise', 'fall']),
    victim: cell,
    effect: v.picklist(['flip', 'set', 'clear']),
  }),
  v.strictObject({
    kind: v.literal('address'),
    at: offset,
    reaches: v.picklist(['nothing', 'other', 'both']),
    other: v.optional(offset, 0),
  }),
]);

/** Path of an image file, or of a block device. */
const image = v.pipe(v.string(), v.minLength(1));
const drive = {
  sectorSize: v.optional(v.picklist([512, 4096]), 512),
  /** Sectors that cannot be read or written. */
  badSectors: v.optional(v.pipe(v.array(whole(0, 2 ** 40)), v.maxLength(1024)), []),
};

/** A drive of a chain, in a unit of its own. */
const member = v.strictObject({
  ...drive,
  image,
  /** Its own for life; made from the image's path by default. */
  serial: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,20}$/))),
  model: v.optional(v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,40}$/)), 'SIM DISK'),
});

const disk = v.pipe(
  v.strictObject({
    ...drive,
    name: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]{0,15}$/)), 'disk0'),
    image: v.optional(image),
    /** Of a drive by itself; "SIM-" and the disk's name by default. */
    serial: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,20}$/))),
    /** Whether the drive has a lock of its own (ATA security). */
    security: v.optional(v.boolean(), true),
    /** Instead of an image: the drives of a chain, the one nearest to the host first. */
    members: v.optional(v.pipe(v.array(member), v.minLength(1), v.maxLength(64))),
    /** Mirrors and spares of a chain, by place (docs/chain.md). */
    layout: v.optional(v.looseObject({})),
  }),
  v.check((d) => (d.image === undefined) !== (d.members === undefined), 'a disk is an image, or has members'),
  v.check(
    (d) => new Set(d.members?.map((m) => m.image)).size === (d.members?.length ?? 0),
    'members must be different drives',
  ),
);

const dimm = v.strictObject({
  slot: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,32}$/)),
  /** Bytes; 0 for an empty slot. */
  size: v.pipe(whole(0, 1024 * 1024 * 1024), v.multipleOf(4096)),
  faults: v.optional(v.pipe(v.array(memoryFault), v.maxLength(64)), []),
  spd: v.optional(v.picklist(['good', 'damaged', 'unreadable']), 'good'),
});

/** The simulated machine, as a configuration file describes it. Everything but the disks has a default. */
export const simConfig = v.strictObject({
  state: v.optional(powerState, 'S5'),
  seed: v.optional(whole(0, 2 ** 32 - 1), 1),
  disks: v.pipe(
    v.array(disk),
    v.maxLength(16),
    v.check((all) => new Set(all.map((d) => d.name)).size === all.length, 'disk names must differ'),
  ),
  dimms: v.optional(v.pipe(v.array(dimm), v.maxLength(32)), []),
  /** Power states in which a standby rail feeds the memory. */
  dramIn: v.optional(v.array(powerState), ['S5']),
  spdIn: v.optional(v.array(powerState), ['S3', 'S4', 'S5']),
  /** Whether the board keeps a waking host down until its disk is back. */
  interlock: v.optional(v.boolean(), true),
  /** What the host does when its mains come back. */
  restorePolicy: v.optional(v.picklist(RESTORE_POLICIES), 'previous'),
  /** Whether the switch can keep a drive from both sides. */
  hold: v.optional(v.boolean(), true),
  /** Whether drives have power while the host is down. */
  ownPower: v.optional(v.boolean(), true),
  handBackMs: v.optional(whole(100, 60_000)),
  switchDelayMs: v.optional(whole(0, 60_000), 50),
  bootDelayMs: v.optional(whole(0, 600_000), 500),
  /** Writes wait in the drive's cache until a flush, and a power cut may lose them. */
  volatileCache: v.optional(v.boolean(), false),
  /** Cut the power at the nth write to a disk. */
  cutAtWrite: v.optional(whole(1, 2 ** 32)),
  /** Path of a file that gets every byte written to a UART, as a host's own log would; none by default. */
  uartLog: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** Path of the control socket; none by default. */
  control: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(100))),
});

export type SimConfig = v.InferOutput<typeof simConfig>;
export type SimConfigInput = v.InferInput<typeof simConfig>;

/** Reads a configuration; NS_CONFIG_INVALID names the first wrong key or value, and what may have been meant. */
export function parseSimConfig(value: unknown): SimConfig {
  return shapeConfig(simConfig, value, 'sim');
}
