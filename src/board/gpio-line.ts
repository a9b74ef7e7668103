import * as v from 'valibot';

/** As the kernel calls a chip: "1e780000.gpio", "pinctrl-bcm2711". Numbers of chips change from one kernel to the next. */
export const chipLabel = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,63}$/));

export const lineOffset = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1023));

export const gpioLine = v.strictObject({
  chip: chipLabel,
  offset: lineOffset,
  /** The line's name in the device tree, where it has one: the line is then only used while it bears it. */
  line: v.optional(v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,63}$/))),
  /** True where the line is low while what it stands for is there. */
  activeLow: v.boolean(),
  bias: v.optional(v.picklist(['pull-up', 'pull-down', 'disabled'])),
});

export type GpioLine = v.InferOutput<typeof gpioLine>;

/** Which line of the machine this is, whatever it is used for. */
export const lineKey = ({ chip, offset }: Pick<GpioLine, 'chip' | 'offset'>): string => `${chip}:${offset}`;

const BANK = 8;
const LETTERS = 26;

/** "B6", "AA2" as 14, 210: ASPEED's banks have eight lines each, and are lettered A to Z, then AA, AB, AC. */
export function aspeedOffset(pin: string): number | undefined {
  const match = /^(A?)([A-Z])([0-7])$/.exec(pin);
  if (match === null) return undefined;
  const [, high, letter, bit] = match;
  const bank = (letter?.charCodeAt(0) ?? 0) - 'A'.charCodeAt(0) + (high === '' ? 0 : LETTERS);
  return bank * BANK + Number(bit);
}
