import * as v from 'valibot';
import { boardFaults } from './board-faults.ts';
import { boardName, enrolledChannels } from './channels.ts';
import { flash } from './flash.ts';
import {
  deviceTree,
  firmware,
  gadget,
  gpioBanks,
  hostInterface,
  i2cDevice,
  processor,
  uart,
  watchdog,
} from './hardware.ts';
import { hostLines } from './host-lines.ts';

const whole = v.pipe(v.number(), v.safeInteger());

const fields = v.strictObject({
  /** Where its JSON Schema is, for editors. */
  $schema: v.optional(v.pipe(v.string(), v.maxLength(200))),
  name: boardName,
  /** One line for people. */
  title: v.pipe(v.string(), v.maxLength(120)),
  /** How what is written here is known: tried on the thing, tried in an emulator, simulated, or only read about. */
  evidence: v.picklist(['silicon', 'emulated', 'simulated', 'described']),
  /** What drives it: "linux" by what is written here; "none" where the agent cannot run on it, and lives elsewhere. */
  adapter: v.picklist(['sim-host', 'qemu-host', 'linux', 'none']),
  /** What the machine's device tree calls itself, the most special first: by any of these it is recognised. */
  compatible: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9,._-]{1,63}$/))), v.minLength(1), v.maxLength(8)),
  ),
  processor: v.optional(processor),
  deviceTree: v.optional(deviceTree),
  /** The longest that handing a disk back to a waking host may take, in milliseconds. */
  handBackMs: v.pipe(whole, v.minValue(100), v.maxValue(60_000)),
  /** How long a host that was let wake may take to show as awake, in milliseconds. */
  wakeSettleMs: v.pipe(whole, v.minValue(1000), v.maxValue(600_000)),
  channels: enrolledChannels,
  gpio: v.optional(gpioBanks),
  host: v.optional(hostLines),
  uarts: v.optional(v.pipe(v.array(uart), v.maxLength(32))),
  i2c: v.optional(v.pipe(v.array(i2cDevice), v.maxLength(256))),
  watchdog: v.optional(watchdog),
  hostInterface: v.optional(hostInterface),
  gadget: v.optional(gadget),
  flash: v.optional(flash),
  firmware: v.optional(firmware),
  /** Host paths that no order may change; each covers all below it. */
  protectedPaths: v.pipe(v.array(v.pipe(v.string(), v.startsWith('/'), v.maxLength(4096))), v.maxLength(256)),
});

/** What a board is and how it is wired: data only, kept as boards/<name>/board.json. */
export const boardDescription = v.pipe(
  fields,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const message of boardFaults(dataset.value)) addIssue({ message });
  }),
);

/** Its shape alone, without what one part says of another: for a JSON Schema. */
export const boardFields = fields;

export type BoardDescription = v.InferOutput<typeof fields>;
