import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Duration, NsError, seconds, sentenceOf } from '../../base/index.ts';
import type { LogSink, Watchdog } from '../../ports/index.ts';
import { loadLibc } from '../libc.ts';

/** Ids of the processes that pet it while the board starts: a line each. They are ended when we take over. */
const BEFORE_US = '/run/nightshift-watchdog';
const SET_TIMEOUT = 0xc0045706;
/** Written last, it disarms the watchdog (Documentation/watchdog/watchdog-api). */
const DISARM = 'V';

export interface LinuxWatchdogOptions {
  readonly path: string;
  /** As the kernel's driver calls itself. */
  readonly driver: string;
  readonly timeout: Duration;
  readonly log: LogSink;
}

/**
 * Opens, and so arms, the board's watchdog. Undefined where there is none, it is another one than the board's, or somebody
 * else has it: each is told of, and none keeps a device from starting.
 */
export async function openWatchdog(options: LinuxWatchdogOptions): Promise<Watchdog | undefined> {
  const { path, driver, timeout, log } = options;
  try {
    const identity = (await readFile(`/sys/class/watchdog/${basename(path)}/identity`, 'utf8')).trim();
    if (identity !== driver) throw new NsError('NS_WATCHDOG', `it is "${identity}", not "${driver}"`);
    await endThoseBefore();
    const file = await open(path, 'w');
    const set = await setTimeoutOf(file, timeout).catch((error: unknown) => {
      log.log('warn', 'watchdog.timeout', { path, error: sentenceOf(error) });
      return seconds(10);
    });
    return new LinuxWatchdog(file, set);
  } catch (error) {
    log.log('warn', 'watchdog.missing', { path, error: sentenceOf(error) });
    return undefined;
  }
}

class LinuxWatchdog implements Watchdog {
  readonly timeout: Duration;
  readonly #file: FileHandle;

  constructor(file: FileHandle, timeout: Duration) {
    this.#file = file;
    this.timeout = timeout;
  }

  async pet(): Promise<void> {
    await this.#file.write('\0');
  }

  async close(): Promise<void> {
    await this.#file.write(DISARM);
    await this.#file.close();
  }
}

/** The kernel answers with the time that it took: hardware may know only some. */
async function setTimeoutOf(file: FileHandle, timeout: Duration): Promise<Duration> {
  const libc = await loadLibc('NS_WATCHDOG');
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(Math.round(timeout / 1000));
  const error = libc.ioctl(file.fd, SET_TIMEOUT, argument);
  if (error !== 0) throw new NsError('NS_WATCHDOG', `its time cannot be set (error ${error})`);
  return seconds(argument.readInt32LE(0));
}

/** Ended without a last word, they leave it armed; from here on we have as long as it waits. */
async function endThoseBefore(): Promise<void> {
  const text = await readFile(BEFORE_US, 'utf8').catch(() => '');
  for (const line of text.split('\n').slice(0, 8)) {
    const pid = Number(line);
    if (!Number.isSafeInteger(pid) || pid <= 1) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await rm(BEFORE_US, { force: true });
}
