import * as v from 'valibot';
import { gpioLine } from './gpio-line.ts';

const whole = v.pipe(v.number(), v.safeInteger());
const devicePath = v.pipe(v.string(), v.regex(/^\/dev\/[\x21-\x7e]{1,200}$/));

const DEVICE = 'as sysfs calls it, the bus and four digits of the address: "8-004d"';

/** Which hwmon device: never by its number, which changes from one start to the next. */
const hwmon = {
  /** The driver's name, as the device's file "name" says it: "lm75". */
  name: v.pipe(v.string(), v.regex(/^[a-z0-9_]{1,31}$/)),
  /** The device below it, as sysfs calls it: "8-004d"; needed where a board has several of one name. */
  device: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x2e\x30-\x7e]{1,63}$/, DEVICE))),
};

/** Address of a chip on an I2C bus. */
const i2c = {
  bus: v.pipe(whole, v.minValue(0), v.maxValue(255)),
  address: v.pipe(whole, v.minValue(0x03), v.maxValue(0x77)),
};

/** Where the machine has what a channel stands for, on a board whose parts Linux drives. */
export const channelPlace = v.variant('on', [
  v.strictObject({ on: v.literal('gpio'), ...gpioLine.entries }),
  v.strictObject({
    on: v.literal('hwmon'),
    ...hwmon,
    /** "temp1", "in3", "fan2", without "_input". */
    sensor: v.pipe(v.string(), v.regex(/^(temp|in|fan)[0-9]{1,3}$/)),
  }),
  v.strictObject({
    on: v.literal('pwm'),
    ...hwmon,
    pwm: v.pipe(v.string(), v.regex(/^pwm[0-9]{1,2}$/)),
    /** What "pwm1_enable" says while the chip or the kernel drives it; absent where neither can. */
    automatic: v.optional(v.pipe(whole, v.minValue(2), v.maxValue(9))),
    /** Percent below which it is never driven: a fan that stands cools nothing. */
    slowest: v.pipe(whole, v.minValue(10), v.maxValue(100)),
  }),
  v.strictObject({ on: v.literal('led'), led: v.pipe(v.string(), v.regex(/^[\x21-\x2e\x30-\x7e]{1,63}$/)) }),
  v.strictObject({
    on: v.literal('eeprom'),
    ...i2c,
    bytes: v.pipe(whole, v.minValue(1), v.maxValue(131_072)),
  }),
  /** Some bytes of a chip that has no driver, from a register on; without one as the chip gives them. */
  v.strictObject({
    on: v.literal('i2c'),
    ...i2c,
    register: v.optional(v.pipe(whole, v.minValue(0), v.maxValue(0xff))),
    bytes: v.pipe(whole, v.minValue(1), v.maxValue(256)),
  }),
  v.strictObject({
    on: v.literal('uart'),
    path: devicePath,
    baud: v.pipe(whole, v.minValue(300), v.maxValue(4_000_000)),
  }),
  /** A receiver that says its position by itself (NMEA 0183). */
  v.strictObject({
    on: v.literal('gnss'),
    path: devicePath,
    baud: v.pipe(whole, v.minValue(300), v.maxValue(4_000_000)),
  }),
  v.strictObject({
    on: v.literal('camera'),
    path: devicePath,
    width: v.pipe(whole, v.minValue(16), v.maxValue(4096)),
    height: v.pipe(whole, v.minValue(16), v.maxValue(4096)),
    /** Frames that are let go first, while it finds the light. */
    skip: v.pipe(whole, v.minValue(0), v.maxValue(100)),
  }),
]);

export type ChannelPlace = v.InferOutput<typeof channelPlace>;
