/**
 * Version 2 of the kernel's interface to lines of GPIO chips (include/uapi/linux/gpio.h): its structures, as little-endian
 * processors have them in memory.
 */

const NAME = 32;
const ATTRIBUTES = 10;
const CONFIG_BYTES = 32 + ATTRIBUTES * 24;
const CONFIG_AT = 256 + NAME;
const REQUEST_BYTES = CONFIG_AT + CONFIG_BYTES + 32;
const INFO_BYTES = 2 * NAME + 16 + ATTRIBUTES * 16 + 16;
const CHIP_BYTES = 2 * NAME + 4;
const VALUES_BYTES = 16;
/** One edge, as reading a line's file gives it. */
export const EVENT_BYTES = 48;

const READ = 2;
const READ_WRITE = 3;
const code = (direction: number, number: number, size: number): number =>
  ((direction << 30) | (size << 16) | (0xb4 << 8) | number) >>> 0;

export const GPIO_IOCTL = {
  chipInfo: code(READ, 0x01, CHIP_BYTES),
  lineInfo: code(READ_WRITE, 0x05, INFO_BYTES),
  getLine: code(READ_WRITE, 0x07, REQUEST_BYTES),
  setConfig: code(READ_WRITE, 0x0d, CONFIG_BYTES),
  getValues: code(READ_WRITE, 0x0e, VALUES_BYTES),
  setValues: code(READ_WRITE, 0x0f, VALUES_BYTES),
} as const;

const FLAG = {
  used: 1n << 0n,
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  risingEdge: 1n << 4n,
  fallingEdge: 1n << 5n,
  pullUp: 1n << 8n,
  pullDown: 1n << 9n,
  noBias: 1n << 10n,
} as const;

const ATTRIBUTE = { outputValues: 2, debounce: 3 } as const;

export interface ChipInfo {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
}

export interface LineInfo {
  readonly name: string;
  /** Who has it, where it is in use. */
  readonly consumer: string;
  readonly used: boolean;
  readonly direction: 'in' | 'out';
}

/** How a line is asked for: "as-is" leaves its direction and its level as they are. */
export type LineWish =
  | { readonly as: 'as-is'; readonly activeLow: boolean }
  | {
      readonly as: 'input';
      readonly activeLow: boolean;
      readonly bias?: 'pull-up' | 'pull-down' | 'disabled';
      /** Microseconds for which a level must last to count. */
      readonly debounce: number;
    }
  | { readonly as: 'output'; readonly activeLow: boolean; readonly active: boolean };

const BIAS = { 'pull-up': FLAG.pullUp, 'pull-down': FLAG.pullDown, disabled: FLAG.noBias } as const;

export const emptyChipInfo = (): Buffer => Buffer.alloc(CHIP_BYTES);

export function chipInfoOf(bytes: Buffer): ChipInfo {
  return { name: text(bytes, 0), label: text(bytes, NAME), lines: bytes.readUInt32LE(2 * NAME) };
}

export function askLineInfo(offset: number): Buffer {
  const bytes = Buffer.alloc(INFO_BYTES);
  bytes.writeUInt32LE(offset, 2 * NAME);
  return bytes;
}

export function lineInfoOf(bytes: Buffer): LineInfo {
  const flags = bytes.readBigUInt64LE(2 * NAME + 8);
  return {
    name: text(bytes, 0),
    consumer: text(bytes, NAME),
    used: (flags & FLAG.used) !== 0n,
    direction: (flags & FLAG.output) === 0n ? 'in' : 'out',
  };
}

/** Asks for one line; the answer has its file, for `lineFileOf`. */
export function askLine(offset: number, consumer: string, wish: LineWish): Buffer {
  const bytes = Buffer.alloc(REQUEST_BYTES);
  bytes.writeUInt32LE(offset, 0);
  bytes.write(consumer, 256, NAME - 1, 'latin1');
  lineConfig(wish).copy(bytes, CONFIG_AT);
  bytes.writeUInt32LE(1, CONFIG_AT + CONFIG_BYTES);
  return bytes;
}

export const lineFileOf = (answer: Buffer): number => answer.readInt32LE(REQUEST_BYTES - 4);

export function lineConfig(wish: LineWish): Buffer {
  const bytes = Buffer.alloc(CONFIG_BYTES);
  bytes.writeBigUInt64LE(flagsOf(wish), 0);
  const attribute =
    wish.as === 'output'
      ? { id: ATTRIBUTE.outputValues, value: wish.active ? 1n : 0n }
      : wish.as === 'input' && wish.debounce > 0
        ? { id: ATTRIBUTE.debounce, value: BigInt(wish.debounce) }
        : undefined;
  if (attribute !== undefined) {
    bytes.writeUInt32LE(1, 8);
    bytes.writeUInt32LE(attribute.id, 32);
    bytes.writeBigUInt64LE(attribute.value, 40);
    bytes.writeBigUInt64LE(1n, 48);
  }
  return bytes;
}

/** The value of the one line that a file stands for; of use to get it and to set it. */
export function lineValue(active = false): Buffer {
  const bytes = Buffer.alloc(VALUES_BYTES);
  bytes.writeBigUInt64LE(active ? 1n : 0n, 0);
  bytes.writeBigUInt64LE(1n, 8);
  return bytes;
}

export const isActive = (values: Buffer): boolean => (values.readBigUInt64LE(0) & 1n) === 1n;

function flagsOf(wish: LineWish): bigint {
  const level = wish.activeLow ? FLAG.activeLow : 0n;
  switch (wish.as) {
    case 'as-is':
      return level;
    case 'output':
      return level | FLAG.output;
    case 'input':
      return (
        level |
        FLAG.input |
        FLAG.risingEdge |
        FLAG.fallingEdge |
        (wish.bias === undefined ? 0n : BIAS[wish.bias])
      );
  }
}

function text(bytes: Buffer, at: number): string {
  const field = bytes.subarray(at, at + NAME);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? NAME : end);
}
