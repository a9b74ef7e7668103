import { closeSync, mkdtempSync, readlinkSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Libc, loadLibc } from '../../src/adapters/libc.ts';
import {
  askLine,
  askLineInfo,
  EVENT_BYTES,
  emptyChipInfo,
  GPIO_IOCTL,
  lineValue,
} from '../../src/adapters/linux/gpio/abi.ts';
import type { SysfsFiles } from '../../src/adapters/linux/gpio/sysfs-lines.ts';

/** A wire: what it is, who drives it, and everything that has happened to it. */
export interface Wire {
  readonly name: string;
  direction: 'in' | 'out';
  high: boolean;
  consumer: string;
  /** Every level and direction that it was given by the machine: ["out high"]. */
  readonly driven: string[];
}

interface Held {
  readonly wire: Wire;
  /** What its file is, so that a number that the system gave anew is not taken for it. */
  readonly file: string;
  activeLow: boolean;
  readonly bell: number;
}

const BUSY = 16;
const INVALID = 22;
const NOT_PERMITTED = 1;

const FLAGS_AT = 288;
const FLAG_ACTIVE_LOW = 2n;
const FLAG_INPUT = 4n;
const FLAG_OUTPUT = 8n;

/**
 * A kernel with one GPIO chip, as its character device and its sysfs behave: a stand-in for what no test machine has. The
 * waits are real ones, on pipes.
 */
export class GpioKernel {
  readonly directory = mkdtempSync(join(tmpdir(), 'nightshift-gpio-'));
  readonly label: string;
  readonly wires: Wire[];
  readonly libc: Libc;
  readonly #held = new Map<number, Held>();
  readonly #exported = new Set<number>();
  /** What becomes of a wire that is let go; the chips of most processors leave it as it is. */
  onRelease: (wire: Wire) => void = () => undefined;

  private constructor(real: Libc, label: string, names: readonly string[]) {
    this.label = label;
    this.wires = names.map((name) => ({ name, direction: 'in', high: false, consumer: '', driven: [] }));
    writeFileSync(join(this.directory, 'gpiochip3'), '');
    this.libc = { ...real, ioctl: (fd, code, argument) => this.#ioctl(real, fd, code, argument) };
  }

  static async open(label: string, names: readonly string[]): Promise<GpioKernel> {
    return new GpioKernel(await loadLibc('NS_GPIO'), label, names);
  }

  /** The world outside puts a level on a wire. */
  put(offset: number, high: boolean): void {
    const wire = this.wires[offset];
    if (wire === undefined || wire.high === high) return;
    wire.high = high;
    for (const held of this.#held.values())
      if (held.wire === wire && wire.direction === 'in') writeSync(held.bell, Buffer.alloc(EVENT_BYTES));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** The same chip by sysfs, as lines 512 and up. */
  readonly files: SysfsFiles = {
    has: async (path) => path.endsWith('/export') || this.#exported.has(numberIn(path)),
    list: async () => ['export', 'unexport', 'gpiochip512'],
    read: async (path) => {
      if (path.endsWith('/gpiochip512/label')) return this.label;
      if (path.endsWith('/gpiochip512/base')) return '512';
      const wire = this.#exportedWire(path);
      return path.endsWith('/direction') ? wire.direction : wire.high ? '1' : '0';
    },
    write: async (path, value) => {
      if (path.endsWith('/export')) this.#exported.add(Number(value));
      else if (path.endsWith('/unexport')) this.#exported.delete(Number(value));
      else drive(this.#exportedWire(path), value === 'high');
    },
  };

  #exportedWire(path: string): Wire {
    const wire = this.wires[numberIn(path) - 512];
    if (wire === undefined || !this.#exported.has(numberIn(path))) throw new Error(`ENOENT: ${path}`);
    return wire;
  }

  /** Closing a line's file is how it is let go. */
  #release(): void {
    for (const [fd, { wire, file, bell }] of this.#held) {
      if (fileOf(fd) === file) continue;
      this.#held.delete(fd);
      closeSync(bell);
      wire.consumer = '';
      this.onRelease(wire);
    }
  }

  #ioctl(real: Libc, fd: number, code: number, argument: Buffer): number {
    this.#release();
    const held = this.#held.get(fd);
    if (held !== undefined) return lineCall(held, code, argument);
    if (basename(fileOf(fd)) !== 'gpiochip3') return INVALID;
    switch (code) {
      case GPIO_IOCTL.chipInfo:
        fill(argument, emptyChipInfo().byteLength);
        argument.write('gpiochip3', 0);
        argument.write(this.label, 32);
        argument.writeUInt32LE(this.wires.length, 64);
        return 0;
      case GPIO_IOCTL.lineInfo: {
        const wire = this.wires[argument.readUInt32LE(64)];
        if (wire === undefined) return INVALID;
        fill(argument, askLineInfo(0).byteLength);
        argument.write(wire.name, 0);
        argument.write(wire.consumer, 32);
        argument.writeBigUInt64LE(
          (wire.consumer === '' ? 0n : 1n) | (wire.direction === 'out' ? FLAG_OUTPUT : FLAG_INPUT),
          72,
        );
        return 0;
      }
      case GPIO_IOCTL.getLine: {
        const wire = this.wires[argument.readUInt32LE(0)];
        if (wire === undefined || argument.byteLength !== askLine(0, '', AS_IS).byteLength) return INVALID;
        if (wire.consumer !== '') return BUSY;
        const flags = argument.readBigUInt64LE(FLAGS_AT);
        wire.consumer = argument.toString('latin1', 256, argument.indexOf(0, 256));
        if ((flags & FLAG_INPUT) !== 0n) wire.direction = 'in';
        const [readEnd, bell] = real.pipe();
        const activeLow = (flags & FLAG_ACTIVE_LOW) !== 0n;
        this.#held.set(readEnd, { wire, file: fileOf(readEnd), activeLow, bell });
        argument.writeInt32LE(readEnd, argument.byteLength - 4);
        return 0;
      }
      default:
        return INVALID;
    }
  }
}

const AS_IS = { as: 'as-is', activeLow: false } as const;

function lineCall(held: Held, code: number, argument: Buffer): number {
  const { wire, activeLow } = held;
  switch (code) {
    case GPIO_IOCTL.getValues:
      lineValue(wire.high !== activeLow).copy(argument);
      return 0;
    case GPIO_IOCTL.setValues:
      if (wire.driven.length === 0) return NOT_PERMITTED;
      drive(wire, (argument.readBigUInt64LE(0) === 1n) !== activeLow);
      return 0;
    case GPIO_IOCTL.setConfig: {
      const flags = argument.readBigUInt64LE(0);
      if ((flags & FLAG_OUTPUT) === 0n) return INVALID;
      held.activeLow = (flags & FLAG_ACTIVE_LOW) !== 0n;
      // As the AST2600 of QEMU: the value is set first, and lost on a line that is an input still.
      if (wire.direction === 'in' && wire.name === 'FORGETFUL') {
        drive(wire, wire.high);
        return 0;
      }
      drive(wire, (argument.readBigUInt64LE(40) === 1n) !== held.activeLow);
      return 0;
    }
    default:
      return INVALID;
  }
}

function drive(wire: Wire, high: boolean): void {
  wire.direction = 'out';
  wire.high = high;
  wire.driven.push(`out ${high ? 'high' : 'low'}`);
}

function fileOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

function fill(argument: Buffer, size: number): void {
  if (argument.byteLength !== size) throw new Error(`an argument of ${argument.byteLength} bytes`);
  argument.fill(0);
}

const numberIn = (path: string): number => Number(/\/gpio([0-9]+)(\/|$)/.exec(path)?.[1] ?? Number.NaN);
