import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { milliseconds, NsError, sentenceOf } from '../../../base/index.ts';
import { type GpioLine, LINE_USER, type LineLook } from '../../../board/index.ts';
import type { Clock, Stop } from '../../../ports/index.ts';
import type { GpioLines, HeldLine, LineUse } from './lines.ts';

/** Where the kernel's old interface to GPIO lines is. */
export const SYSFS_GPIO = '/sys/class/gpio';

const LOOK_EVERY = milliseconds(20);
const MOST_CHIPS = 64;

/**
 * GPIO lines by files, for kernels and processors where the character devices cannot be used. It has neither names of
 * lines nor pulls, and tells of changes by looking.
 */
export class SysfsLines implements GpioLines {
  readonly by = 'sysfs';
  readonly #clock: Clock;
  readonly #files: SysfsFiles;
  readonly #root: string;
  readonly #held: SysfsLine[] = [];
  /** Those that we have exported, and so give back. */
  readonly #exported: number[] = [];

  private constructor(clock: Clock, files: SysfsFiles, root: string) {
    this.#clock = clock;
    this.#files = files;
    this.#root = root;
  }

  /** NS_GPIO where the kernel has not this interface. */
  static async open(clock: Clock, files = KERNEL_FILES, root = SYSFS_GPIO): Promise<SysfsLines> {
    if (!(await files.has(join(root, 'export')))) throw new NsError('NS_GPIO', `the kernel has no ${root}`);
    return new SysfsLines(clock, files, root);
  }

  async hold(line: GpioLine, use: LineUse): Promise<HeldLine> {
    const what = `line ${line.offset} of ${line.chip}`;
    const number = (await this.#baseOf(line.chip)) + line.offset;
    const directory = join(this.#root, `gpio${number}`);
    if (await this.#files.has(directory)) throw new NsError('NS_GPIO', `${what} is in use by somebody else`);
    await or(this.#files.write(join(this.#root, 'export'), `${number}`), `${what} cannot be taken`);
    this.#exported.push(number);
    const direction = await or(this.#files.read(join(directory, 'direction')), `${what} cannot be read`);
    if (use === 'input' && direction !== 'in')
      throw new NsError(
        'NS_GPIO',
        `${what} is driven by this machine: it cannot be the input that the board calls it`,
      );
    const held = await SysfsLine.open({
      directory,
      activeLow: line.activeLow,
      use,
      what,
      clock: this.#clock,
      files: this.#files,
    });
    this.#held.push(held);
    return held;
  }

  /** Of a line that nobody has exported it tells nothing: neither its direction nor who in the kernel has it. */
  async look(line: Pick<GpioLine, 'chip' | 'offset'>): Promise<LineLook> {
    const directory = join(this.#root, `gpio${(await this.#baseOf(line.chip)) + line.offset}`);
    if (!(await this.#files.has(directory))) return {};
    const what = `line ${line.offset} of ${line.chip}`;
    const direction = await or(this.#files.read(join(directory, 'direction')), `${what} cannot be read`);
    const held = this.#held.find((each) => each.directory === directory);
    return {
      user: held === undefined ? 'somebody else' : LINE_USER,
      direction: direction === 'in' ? 'in' : 'out',
      ...(held === undefined ? {} : { value: await held.read() }),
    };
  }

  async close(): Promise<void> {
    for (const held of this.#held.splice(0)) held.stop();
    for (const number of this.#exported.splice(0))
      await this.#files.write(join(this.#root, 'unexport'), `${number}`).catch(() => undefined);
  }

  async #baseOf(label: string): Promise<number> {
    const failed = `the chips of ${this.#root} cannot be read`;
    const names = (await or(this.#files.list(this.#root), failed)).filter((name) =>
      /^gpiochip[0-9]+$/.test(name),
    );
    for (const name of names.slice(0, MOST_CHIPS)) {
      const at = join(this.#root, name);
      if ((await or(this.#files.read(join(at, 'label')), failed)) === label)
        return Number(await or(this.#files.read(join(at, 'base')), failed));
    }
    throw new NsError('NS_GPIO', `there is no GPIO chip ${label}`);
  }
}

interface SysfsLineOptions {
  readonly directory: string;
  readonly activeLow: boolean;
  readonly use: LineUse;
  readonly what: string;
  readonly clock: Clock;
  readonly files: SysfsFiles;
}

class SysfsLine implements HeldLine {
  readonly use: LineUse;
  readonly directory: string;
  readonly #options: SysfsLineOptions;
  readonly #listeners = new Set<(value: 0 | 1) => void>();
  #watching: Stop | undefined;
  #looking = false;
  #last: 0 | 1 = 0;

  private constructor(options: SysfsLineOptions) {
    this.use = options.use;
    this.directory = options.directory;
    this.#options = options;
  }

  static async open(options: SysfsLineOptions): Promise<SysfsLine> {
    const line = new SysfsLine(options);
    line.#last = await line.read();
    return line;
  }

  async read(): Promise<0 | 1> {
    const { directory, activeLow, what, files } = this.#options;
    const high = (await or(files.read(join(directory, 'value')), `${what} cannot be read`)) === '1';
    return high === activeLow ? 0 : 1;
  }

  async write(active: 0 | 1): Promise<void> {
    const { directory, activeLow, what, files } = this.#options;
    if (this.use === 'input') throw new NsError('NS_GPIO', `${what} is an input`);
    // Direction and level in one: there is no moment with the wrong one.
    const level = (active === 1) === activeLow ? 'low' : 'high';
    await or(files.write(join(directory, 'direction'), level), `${what} cannot be driven`);
    this.#tell(active);
  }

  onChange(listener: (value: 0 | 1) => void): Stop {
    this.#listeners.add(listener);
    if (this.use === 'input')
      this.#watching ??= this.#options.clock.every(LOOK_EVERY, () => void this.#look());
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  stop(): void {
    this.#watching?.();
    this.#watching = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#tell(await this.read());
    } catch {
      // Whoever reads it next is told.
    } finally {
      this.#looking = false;
    }
  }

  #tell(value: 0 | 1): void {
    if (value === this.#last) return;
    this.#last = value;
    for (const listener of [...this.#listeners]) listener(value);
  }
}

/** The calls on files that it takes: the kernel makes and removes directories behind some of them. */
export interface SysfsFiles {
  has(path: string): Promise<boolean>;
  list(path: string): Promise<readonly string[]>;
  read(path: string): Promise<string>;
  write(path: string, value: string): Promise<void>;
}

const KERNEL_FILES: SysfsFiles = {
  has: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  list: (path) => readdir(path),
  read: async (path) => (await readFile(path, 'latin1')).trim(),
  write: (path, value) => writeFile(path, value),
};

/** An answer, or NS_GPIO with what was wanted. */
async function or<T>(asked: Promise<T>, failed: string): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw new NsError('NS_GPIO', `${failed}: ${sentenceOf(cause)}`, { cause });
  }
}
