import { realpath, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Duration, milliseconds, NsError } from '../../base/index.ts';
import type { BlockDevice, Clock, DriveSwitch, LogSink, SwitchPosition } from '../../ports/index.ts';
import { openFileDevice } from '../file-device.ts';
import { Movements } from '../movements.ts';
import { diskAt } from './disk-place.ts';
import type { HeldLine } from './gpio/lines.ts';

export interface WiredDriveOptions {
  /** "disk0". */
  readonly disk: string;
  /** Where Linux shows the drive while it is wired to us. */
  readonly path: string;
  /** Wires it to us while it is active. Without one the drive is always wired to us, and nobody else's. */
  readonly line?: HeldLine;
  readonly ownPower: boolean;
  /** How long it may take to show. */
  readonly settle: Duration;
  readonly handBack: Duration;
  /** How long the wires stay apart at least, so that both ends notice; half a second where absent. */
  readonly apart?: Duration;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Tells the kernel that the drive goes away; its own way to do so where absent. */
  readonly detach?: (path: string) => Promise<void>;
}

const LOOK_EVERY = milliseconds(50);
/** A hub looks at its ports some times a second; a drive that was away for less has not gone, and does not show anew. */
const APART = milliseconds(500);

/**
 * A drive behind a switch that one line moves. Linux is told that it goes before it goes, so that nothing it has in memory
 * of it outlives that.
 */
export class WiredDrive implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #options: WiredDriveOptions;
  readonly #movements: Movements;
  #device: BlockDevice | undefined;
  #shownAt = '';
  #partedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WiredDriveOptions) {
    this.disk = options.disk;
    this.capabilities = {
      hold: options.line !== undefined,
      handBack: options.handBack,
      ownPower: options.ownPower,
    };
    this.#options = options;
    const { disk, log } = options;
    this.#movements = new Movements({ disk, log, home: () => this.#home(), event: 'linux.switch-failed' });
  }

  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    const { line } = this.#options;
    if (line === undefined) return this.#device === undefined ? 'host' : 'ours';
    const wired = await line.read().catch(() => undefined);
    if (wired === undefined) return 'unknown';
    if (wired === 0) return 'host';
    return this.#device === undefined ? 'held' : 'ours';
  }

  take(signal: AbortSignal): Promise<BlockDevice> {
    return this.#movements.take(signal, async (check) => {
      await this.#noticed(check);
      await this.#options.line?.write(1);
      const path = await this.#shown(check);
      const device = await openFileDevice(path, {
        name: this.disk,
        writable: true,
        medium: true,
      });
      this.#device = device;
      this.#shownAt = path;
      check();
      return device;
    });
  }

  giveBack(): Promise<void> {
    return this.#movements.send(() => this.#home());
  }

  async hold(): Promise<void> {
    const { line } = this.#options;
    if (line === undefined) {
      throw new NsError('NS_NOT_SUPPORTED', `${this.disk} has no switch that could keep it from the host`, {
        family: 'caller',
      });
    }
    await this.#movements.send(async () => {
      await this.#letGo();
      await line.write(1);
    });
  }

  /** Closes the drive where it is open, and leaves its switch where it is. */
  close(): Promise<void> {
    return this.#movements.send(() => this.#letGo());
  }

  async #home(): Promise<void> {
    await this.#letGo();
    await this.#options.line?.write(0);
    this.#partedAt = this.#options.clock.monotonic();
  }

  /** Until the wires were apart for long enough. */
  async #noticed(check: () => void): Promise<void> {
    const { line, clock, apart = APART } = this.#options;
    const until = this.#partedAt + apart;
    while (line !== undefined && clock.monotonic() < until) {
      check();
      await clock.sleep(LOOK_EVERY, new AbortController().signal);
    }
    check();
  }

  /** Flushed, closed, and gone from the kernel before the wires part. */
  async #letGo(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    if (device === undefined) return;
    await device.flush().catch((error: unknown) => this.#movements.note(error));
    await device.close();
    if (this.#options.line === undefined) return;
    const { detach = detachFromKernel } = this.#options;
    await detach(this.#shownAt).catch((error: unknown) => this.#movements.note(error));
  }

  /** Where it shows. */
  async #shown(check: () => void): Promise<string> {
    const { path, settle, clock } = this.#options;
    const until = clock.monotonic() + settle;
    const never = new AbortController().signal;
    for (;;) {
      check();
      const found = await diskAt(path);
      if (found !== undefined && (await isThere(found))) return found;
      if (clock.monotonic() >= until)
        throw new NsError(
          'NS_SWITCH',
          `the drive of ${this.disk} did not show at ${path} within ${settle} ms`,
        );
      await clock.sleep(LOOK_EVERY, never);
    }
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isBlockDevice() || found.isFile(),
    () => false,
  );

/** SCSI, SATA and USB drives can be taken out of the kernel; others have nothing to tell it. */
async function detachFromKernel(path: string): Promise<void> {
  const name = basename(await realpath(path));
  await writeFile(`/sys/block/${name}/device/delete`, '1').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
