import * as v from 'valibot';
import { gpioLine } from './gpio-line.ts';

const milliseconds = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** A line of the host's power sequence: what it means is in power-signals.ts. */
const signal = v.strictObject({
  signal: v.picklist(['ps-pwrok', 'sio-power-good', 'sio-s3', 'sio-s5', 'standby-power', 'power-led']),
  gpio: gpioLine,
});

/** Between the front panel and the host, through us: a line each, pressed while it is active. */
const buttons = v.strictObject({
  powerIn: v.optional(gpioLine),
  powerOut: v.optional(gpioLine),
  resetIn: v.optional(gpioLine),
  resetOut: v.optional(gpioLine),
  nmiOut: v.optional(gpioLine),
});

/** How long this board's host wants its buttons pressed, and how long it may take to answer. */
const timing = v.strictObject({
  powerPressMs: milliseconds(20, 2000),
  forceOffMs: milliseconds(1000, 30_000),
  resetPressMs: milliseconds(20, 5000),
});

/** A disk of the host, and how it comes to us. */
const disk = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^disk[0-9]{1,2}$/)),
  /** Where Linux shows it while it is ours: by its place, not by the order in which it was found. */
  path: v.pipe(v.string(), v.regex(/^\/dev\/[\x21-\x7e]{1,200}$/)),
  /** Who powers the drive: 'own' where it runs while the host has none. */
  power: v.picklist(['host', 'own']),
  /** The line that wires it to us while it is active; none where the drive is always ours. */
  switch: v.optional(gpioLine),
  /** How long it may take to show after that. */
  settleMs: milliseconds(0, 60_000),
});

/** The machine beside which the board stands. Its lines are no channels: no order reaches them. */
export const hostLines = v.strictObject({
  /** The states that this host can be in at all. */
  states: v.pipe(v.array(v.picklist(['S0', 'S3', 'S4', 'S5', 'G3'])), v.minLength(2), v.maxLength(5)),
  signals: v.pipe(v.array(signal), v.maxLength(5)),
  buttons: v.optional(buttons),
  timing: v.optional(timing),
  disks: v.pipe(v.array(disk), v.maxLength(16)),
});

export type HostLines = v.InferOutput<typeof hostLines>;
