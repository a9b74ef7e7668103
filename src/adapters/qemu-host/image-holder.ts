import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { milliseconds, NsError } from '../../base/index.ts';
import type { BlockDevice, Clock } from '../../ports/index.ts';
import { openNbd } from '../nbd/nbd-client.ts';

export interface ImageHolderOptions {
  /** For people and logs: "disk0". */
  readonly name: string;
  /** A regular file or a block device. */
  readonly image: string;
  readonly clock: Clock;
}

/** Until the image is open and locked. */
const START = milliseconds(3000);
/** From being told to end until it is killed. */
const END = milliseconds(500);
const EXPORT = 'image';
/** Characters kept of what it complains about. */
const COMPLAINT = 2000;

/**
 * An image that is open by our own hand, under the locks that QEMU itself takes: while it is held no QEMU gets it, and it
 * cannot be held while one has it. Node cannot take such locks, so qemu-storage-daemon opens the image and we are its only
 * NBD client: without the lock there is no access either, and both end when we do, however we end.
 */
export class ImageHolder {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #closed: Promise<void>;
  #device: BlockDevice | undefined;

  /** NS_SWITCH where somebody has the image, or it cannot be opened. */
  static async open({ name, image, clock }: ImageHolderOptions): Promise<ImageHolder> {
    const driver = await driverFor(image);
    const directory = await mkdtemp(join(tmpdir(), 'nightshift-image-'));
    const child = spawn('setpriv', helper(driver, image, join(directory, 'nbd')), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const holder = new ImageHolder(child, directory, name, clock);
    try {
      await holder.#started();
      return holder;
    } catch (error) {
      await holder.release();
      throw error;
    }
  }

  private constructor(child: ChildProcess, directory: string, name: string, clock: Clock) {
    this.#child = child;
    this.#directory = directory;
    this.#name = name;
    this.#clock = clock;
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /** False where it ended by itself: the lock is gone, and so is the device. */
  get holds(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The image as a device, which is good until disconnect or release. */
  async connect(): Promise<BlockDevice> {
    this.#device ??= await openNbd({
      socketPath: join(this.#directory, 'nbd'),
      exportName: EXPORT,
      name: this.#name,
    });
    return this.#device;
  }

  /** Ends the device, and holds the image on. */
  async disconnect(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    await device?.close();
  }

  /** Ends the device and lets the image go; the helper has written all that it was given. */
  async release(): Promise<void> {
    const disconnected = this.disconnect().catch(() => {});
    if (this.holds) this.#child.kill('SIGTERM');
    const late = this.#clock.deadline(END, 'the helper that holds the image');
    late.signal.addEventListener('abort', () => this.#child.kill('SIGKILL'), { once: true });
    await Promise.all([this.#closed, disconnected]);
    late.release();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #started(): Promise<void> {
    const deadline = this.#clock.deadline(START, `opening ${this.#name}`);
    let complaint = '';
    this.#child.stderr?.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(0, COMPLAINT);
    });
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (cause?: unknown): void => {
          const why = complaint.trim() || 'setpriv or qemu-storage-daemon cannot be run';
          reject(
            new NsError('NS_SWITCH', `${this.#name} cannot be taken: ${why}`, { cause, retryable: true }),
          );
        };
        this.#child.once('error', fail);
        this.#child.once('close', () => fail());
        deadline.signal.addEventListener('abort', () => fail(deadline.signal.reason), { once: true });
        // Its monitor greets when everything before it on the command line is open.
        this.#child.stdout?.once('data', () => resolve());
      });
      this.#child.stdout?.resume();
    } finally {
      deadline.release();
    }
  }
}

function helper(driver: string, image: string, socket: string): string[] {
  return [
    ...['--pdeathsig', 'KILL', 'qemu-storage-daemon'],
    ...['--blockdev', JSON.stringify(exclusive({ driver, filename: image, locking: 'on' }))],
    ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
    ...['--export', `type=nbd,id=${EXPORT},node-name=${EXPORT},name=${EXPORT},writable=on`],
    ...['--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'],
  ];
}

/** An export alone would let others write beside it; this passes everything on, and lets nobody. */
function exclusive(image: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { driver: 'blkdebug', 'node-name': EXPORT, image, 'unshare-child-perms': ['write', 'resize'] };
}

/** QEMU's block driver for what lies there. */
export async function driverFor(image: string): Promise<'file' | 'host_device'> {
  try {
    return (await stat(image)).isBlockDevice() ? 'host_device' : 'file';
  } catch (cause) {
    throw new NsError('NS_SWITCH', `there is no image at ${image}`, { cause });
  }
}
