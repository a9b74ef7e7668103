import * as v from 'valibot';
import { shapeConfig } from '../../base/index.ts';

/** A unix socket's path has at most 107 bytes. */
const socket = v.pipe(v.string(), v.minLength(1), v.maxLength(100));
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

/** A drive of a chain, in a unit of its own. */
const member = v.strictObject({
  /** Of a raw image or a block device. */
  image: path,
  /** Its own for life; made from the image's path by default. */
  serial: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,20}$/))),
  model: v.optional(v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,40}$/))),
});

const disk = v.pipe(
  v.strictObject({
    name: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]{0,15}$/)), 'disk0'),
    /** QEMU's block node of driver "raw" that the host's drive is plugged into; by default the disk's name. */
    node: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9._-]{0,19}$/))),
    /** Of a raw image or a block device, as QEMU was given it. */
    image: v.optional(path),
    /** Instead of an image: the drives of a chain, the one nearest to the host first. */
    members: v.optional(v.pipe(v.array(member), v.minLength(1), v.maxLength(64))),
    /** Mirrors and spares of a chain, by place (docs/chain.md). */
    layout: v.optional(v.looseObject({})),
    /** Of a chain: where the agent listens as the drive, for QEMU's `nbd` driver. */
    socket: v.optional(socket),
  }),
  v.check((d) => (d.image === undefined) !== (d.members === undefined), 'a disk is an image, or has members'),
  v.check(
    (d) => (d.members === undefined) === (d.socket === undefined),
    'a disk with members needs a socket',
  ),
  v.check(
    (d) => new Set(d.members?.map((m) => m.image)).size === (d.members?.length ?? 0),
    'members must be different drives',
  ),
);

/** A QEMU machine as the host, as a configuration file describes it. */
export const qemuHostConfig = v.strictObject({
  /** Of the monitor that only the agent uses: `-qmp unix:PATH,server=on,wait=off`. */
  qmp: socket,
  /** Where the agent listens as the machine's BMC: QEMU's `-device ipmi-bmc-extern` connects to it. */
  bmc: socket,
  /** Of the host's serial console: `-chardev socket,path=PATH,server=on,wait=off`; none by default. */
  console: v.optional(socket),
  /** Of the control socket with the host's power button; none by default. */
  control: v.optional(socket),
  disks: v.pipe(
    v.array(disk),
    v.maxLength(16),
    v.check((all) => new Set(all.map(({ name }) => name)).size === all.length, 'disk names must differ'),
    v.check((all) => {
      const images = all
        .flatMap(({ image, members = [] }) => [image ?? [], ...members.map((m) => m.image)])
        .flat();
      return new Set(images).size === images.length;
    }, 'images must differ'),
  ),
});

export type QemuHostConfig = v.InferOutput<typeof qemuHostConfig>;
export type QemuHostConfigInput = v.InferInput<typeof qemuHostConfig>;

/** Reads a configuration; NS_CONFIG_INVALID names the first wrong key or value, and what may have been meant. */
export function parseQemuHostConfig(value: unknown): QemuHostConfig {
  return shapeConfig(qemuHostConfig, value, 'qemu');
}
