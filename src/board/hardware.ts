import * as v from 'valibot';
import { chipLabel, lineOffset } from './gpio-line.ts';

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const devicePath = v.pipe(v.string(), v.regex(/^\/dev\/[\x21-\x7e]{1,200}$/));
const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

/** The board's own processor, and which Node runs there. */
export const processor = v.strictObject({
  /** "AST2600". */
  soc: text,
  arch: v.picklist(['armv6', 'armv7', 'arm64', 'x64']),
  /** False where the processor has no NEON: native addons built for it end with an illegal instruction there. */
  neon: v.boolean(),
  /** Node's major version in the image; absent where none runs, and the agent lives elsewhere. */
  node: v.optional(v.picklist([20, 22, 24])),
});

/** The kernel's description of the machine, and what is changed in it before it is packed: nodes that are not there are made. */
export const deviceTree = v.strictObject({
  /** As Debian's kernel package names it: "aspeed-ast2600-evb.dtb". */
  file: v.pipe(v.string(), v.regex(/^[a-z0-9._-]{1,100}\.dtb$/)),
  changes: v.pipe(
    v.array(
      v.strictObject({
        node: v.pipe(v.string(), v.regex(/^\/[A-Za-z0-9,._+@/-]{0,200}$/)),
        property: v.pipe(v.string(), v.regex(/^[A-Za-z0-9,._+?#-]{1,31}$/)),
        /** A text, or cells of 32 bits. */
        value: v.union([
          text,
          v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.maxLength(16)),
        ]),
        why: text,
      }),
    ),
    v.maxLength(64),
  ),
});

export const gpioBanks = v.strictObject({
  chips: v.pipe(v.array(v.strictObject({ label: chipLabel, lines: count(1024) })), v.maxLength(32)),
  /** Lines that are somebody else's: touched by nothing, whatever a configuration says. */
  reserved: v.pipe(
    v.array(v.strictObject({ chip: chipLabel, offset: lineOffset, line: v.optional(text), why: text })),
    v.maxLength(256),
  ),
});

export const uart = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)),
  path: devicePath,
  baud: v.pipe(v.number(), v.integer(), v.minValue(300), v.maxValue(4_000_000)),
  /** Whose it is: the board's own kernel, a technician, the host's console, or a neighbour on the chain. */
  use: v.picklist(['board-console', 'technician', 'host-console', 'link']),
});

export const i2cDevice = v.strictObject({
  bus: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  address: v.pipe(v.number(), v.integer(), v.minValue(0x03), v.maxValue(0x77)),
  /** "lm75", "24c64", "pca9548". */
  kind: v.pipe(v.string(), v.regex(/^[a-z0-9,-]{1,31}$/)),
  what: text,
});

export const watchdog = v.strictObject({
  path: devicePath,
  /** The driver's name, by which the right one is known: "aspeed_wdt". */
  driver: v.pipe(v.string(), v.regex(/^[A-Za-z0-9 _.-]{1,63}$/)),
  /** Seconds after which it resets the board unless it is petted. */
  timeoutSeconds: count(600),
});

/** By which the host asks the board as its BMC. */
export const hostInterface = v.strictObject({
  kcs: v.optional(devicePath),
  bt: v.optional(devicePath),
});

/** USB device controller by which a disk image can be shown to the host. */
export const gadget = v.strictObject({ controller: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,63}$/)) });

const MODULE_NAME = 'a module is named by small letters, digits and "_", also where its file has "-"';

/** What the board's own firmware is packed with. */
export const firmware = v.strictObject({
  /** Modules of the kernel, loaded in this order at each start; what they need comes with them. */
  modules: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9_]{1,55}$/, MODULE_NAME))), v.maxLength(128)),
  /** For the kernel. */
  arguments: v.pipe(v.string(), v.maxLength(1024)),
  /** From the kernel's start to the agent's; what takes longer is ended by the watchdog. */
  bootSeconds: count(3600),
});
