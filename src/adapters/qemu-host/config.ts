import * as v from 'valibot';
import { shapeConfig } from '../../base/index.ts';

/** A unix socket's path has at most 107 bytes. */
const socket = v.pipe(v.string(), v.minLength(1), v.maxLength(100));
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

const disk = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]{0,15}$/)), 'disk0'),
  /** Of a raw image or a block device, as QEMU was given it. */
  image: path,
  /** QEMU's block node of driver "raw" over the image; by default the disk's name. */
  node: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9._-]{0,19}$/))),
});

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
    v.check((all) => new Set(all.map(({ image }) => image)).size === all.length, 'images must differ'),
  ),
});

export type QemuHostConfig = v.InferOutput<typeof qemuHostConfig>;
export type QemuHostConfigInput = v.InferInput<typeof qemuHostConfig>;

/** Reads a configuration; NS_CONFIG_INVALID names the first wrong key or value, and what may have been meant. */
export function parseQemuHostConfig(value: unknown): QemuHostConfig {
  return shapeConfig(qemuHostConfig, value, 'qemu');
}
