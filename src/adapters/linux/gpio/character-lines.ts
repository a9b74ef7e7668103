import { closeSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { asNsError, milliseconds, NsError, seconds } from '../../../base/index.ts';
import { type GpioLine, LINE_USER, type LineLook } from '../../../board/index.ts';
import type { Clock, LogSink, Stop } from '../../../ports/index.ts';
import type { Libc } from '../../libc.ts';
import {
  askLine,
  askLineInfo,
  chipInfoOf,
  EVENT_BYTES,
  emptyChipInfo,
  GPIO_IOCTL,
  isActive,
  type LineInfo,
  type LineWish,
  lineConfig,
  lineFileOf,
  lineInfoOf,
  lineValue,
} from './abi.ts';
import type { GpioLines, HeldLine, LineUse } from './lines.ts';

/** Contacts bounce for some milliseconds; what is shorter than this is no change. */
const DEBOUNCE_MICROSECONDS = 5000;
/** A wait for edges is asked anew after this, whatever happens. */
const LONGEST_WAIT = seconds(60);
const AFTER_FAILURE = milliseconds(500);
/** Edges are taken away this many at a time; the newest value is then read from the line itself. */
const EVENTS_AT_ONCE = 16;
const MOST_CHIPS = 64;

/** Where the character devices of GPIO chips are. */
export const GPIO_DEVICES = '/dev';

export interface CharacterLinesOptions {
  readonly libc: Libc;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly directory?: string;
}

interface Chip {
  readonly fd: number;
  readonly lines: number;
}

/** GPIO lines by the character devices of their chips, version 2 of the interface (Linux 5.10 and later). */
export class CharacterLines implements GpioLines {
  readonly by = 'character devices';
  readonly #options: CharacterLinesOptions;
  readonly #chips: ReadonlyMap<string, Chip>;
  readonly #inputs = new Map<number, CharacterLine>();
  readonly #held: CharacterLine[] = [];
  /** Wakes the wait for edges: lines have come, or all is over. */
  readonly #bell: readonly [readEnd: number, writeEnd: number];
  readonly #over = new AbortController();
  #listening: Promise<void> | undefined;

  /** NS_GPIO where there is no chip at all, or the kernel has only the old interface. */
  constructor(options: CharacterLinesOptions) {
    this.#options = options;
    this.#chips = findChips(options);
    if (this.#chips.size === 0) throw new NsError('NS_GPIO', 'the kernel shows no GPIO chip');
    this.#bell = options.libc.pipe();
  }

  async hold(line: GpioLine, use: LineUse): Promise<HeldLine> {
    const { chip, what, info } = this.#find(line);
    if (line.line !== undefined && info.name !== line.line)
      throw new NsError('NS_GPIO', `${what} is called "${info.name}" here, not "${line.line}"`);
    if (info.used)
      throw new NsError(
        'NS_GPIO',
        `${what} is in use by "${info.consumer === '' ? 'the kernel' : info.consumer}"`,
      );
    if (use === 'input' && info.direction === 'out')
      throw new NsError(
        'NS_GPIO',
        `${what} is driven by this machine: it cannot be the input that the board calls it`,
      );
    const { libc } = this.#options;
    const answer = askLine(line.offset, LINE_USER, use === 'input' ? inputWish(line) : asIs(line));
    check(libc.ioctl(chip.fd, GPIO_IOCTL.getLine, answer), `${what} cannot be taken`);
    const held = new CharacterLine(libc, lineFileOf(answer), line, use, what);
    this.#held.push(held);
    if (use === 'input') {
      this.#inputs.set(held.fd, held);
      this.#ring();
      this.#listening ??= this.#listen();
    }
    return held;
  }

  async look(line: Pick<GpioLine, 'chip' | 'offset'>): Promise<LineLook> {
    const { name, used, consumer, direction } = this.#find(line).info;
    const held = this.#held.find((each) => each.line.chip === line.chip && each.line.offset === line.offset);
    return {
      name,
      direction,
      ...(used ? { user: consumer === '' ? 'the kernel' : consumer } : {}),
      ...(held === undefined ? {} : { value: await held.read() }),
    };
  }

  async close(): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#ring();
    await this.#listening;
    for (const { fd } of this.#held) closeSync(fd);
    for (const { fd } of this.#chips.values()) closeSync(fd);
    for (const end of this.#bell) closeSync(end);
  }

  #find({ chip: label, offset }: Pick<GpioLine, 'chip' | 'offset'>): {
    readonly chip: Chip;
    readonly what: string;
    readonly info: LineInfo;
  } {
    const chip = this.#chips.get(label);
    if (chip === undefined) {
      const there = [...this.#chips.keys()].join(', ');
      throw new NsError('NS_GPIO', `there is no GPIO chip ${label}; there are ${there}`);
    }
    const what = `line ${offset} of ${label}`;
    if (offset >= chip.lines) throw new NsError('NS_GPIO', `${what}: it has ${chip.lines} lines`);
    const answer = askLineInfo(offset);
    check(this.#options.libc.ioctl(chip.fd, GPIO_IOCTL.lineInfo, answer), `${what} cannot be asked`);
    return { chip, what, info: lineInfoOf(answer) };
  }

  #ring(): void {
    try {
      writeSync(this.#bell[1], Buffer.of(0));
    } catch {
      // A full pipe rings anyway.
    }
  }

  async #listen(): Promise<void> {
    const { libc, clock, log } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        const ready = await libc.waitReadable([this.#bell[0], ...this.#inputs.keys()], LONGEST_WAIT);
        if (ready.includes(this.#bell[0])) drain(this.#bell[0], 64);
        for (const fd of ready) this.#inputs.get(fd)?.edges();
      } catch (error) {
        log.log('warn', 'gpio.edges', { error: asNsError(error, 'NS_GPIO').message });
        await clock.sleep(AFTER_FAILURE, signal).catch(() => undefined);
      }
    }
  }
}

class CharacterLine implements HeldLine {
  readonly fd: number;
  readonly use: LineUse;
  readonly line: GpioLine;
  readonly #libc: Libc;
  readonly #what: string;
  readonly #listeners = new Set<(value: 0 | 1) => void>();
  /** We have told the kernel that it is an output: only then does it take values. */
  #ours = false;
  #last: 0 | 1;

  constructor(libc: Libc, fd: number, line: GpioLine, use: LineUse, what: string) {
    this.fd = fd;
    this.use = use;
    this.#libc = libc;
    this.line = line;
    this.#what = what;
    this.#last = this.#now();
  }

  async read(): Promise<0 | 1> {
    return this.#now();
  }

  async write(active: 0 | 1): Promise<void> {
    if (this.use === 'input') throw new NsError('NS_GPIO', `${this.#what} is an input`);
    const failed = `${this.#what} cannot be driven`;
    if (this.#ours) check(this.#libc.ioctl(this.fd, GPIO_IOCTL.setValues, lineValue(active === 1)), failed);
    else {
      // Direction and value in one call: there is no moment with the wrong one.
      const wish = { as: 'output', activeLow: this.line.activeLow, active: active === 1 } as const;
      check(this.#libc.ioctl(this.fd, GPIO_IOCTL.setConfig, lineConfig(wish)), failed);
      this.#ours = true;
      // A chip may forget a value that it is given while the line is an input still.
      if (this.#now() !== active) {
        check(this.#libc.ioctl(this.fd, GPIO_IOCTL.setValues, lineValue(active === 1)), failed);
      }
    }
    this.#tell(active);
  }

  onChange(listener: (value: 0 | 1) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** There were edges: takes them away, and tells what the line is now. */
  edges(): void {
    drain(this.fd, EVENTS_AT_ONCE * EVENT_BYTES);
    this.#tell(this.#now());
  }

  #now(): 0 | 1 {
    const values = lineValue();
    check(this.#libc.ioctl(this.fd, GPIO_IOCTL.getValues, values), `${this.#what} cannot be read`);
    return isActive(values) ? 1 : 0;
  }

  #tell(value: 0 | 1): void {
    if (value === this.#last) return;
    this.#last = value;
    for (const listener of [...this.#listeners]) listener(value);
  }
}

function findChips({ libc, directory = GPIO_DEVICES }: CharacterLinesOptions): ReadonlyMap<string, Chip> {
  const names = readdirSync(directory).filter((name) => /^gpiochip[0-9]+$/.test(name));
  const chips = new Map<string, Chip>();
  for (const name of names.slice(0, MOST_CHIPS)) {
    const fd = openSync(join(directory, name), 'r+');
    const info = emptyChipInfo();
    const error = libc.ioctl(fd, GPIO_IOCTL.chipInfo, info);
    const { label, lines } = chipInfoOf(info);
    if (error === 0 && !chips.has(label)) chips.set(label, { fd, lines });
    else closeSync(fd);
  }
  return chips;
}

const asIs = ({ activeLow }: GpioLine): LineWish => ({ as: 'as-is', activeLow });

const inputWish = ({ activeLow, bias }: GpioLine): LineWish => ({
  as: 'input',
  activeLow,
  debounce: DEBOUNCE_MICROSECONDS,
  ...(bias === undefined ? {} : { bias }),
});

function drain(fd: number, bytes: number): void {
  readSync(fd, Buffer.alloc(bytes));
}

function check(error: number, what: string): void {
  if (error !== 0) throw new NsError('NS_GPIO', `${what} (error ${error})`);
}
