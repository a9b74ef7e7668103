import type { Duration } from '../../base/index.ts';
import type { BlockDevice, Clock, DriveSwitch, LogSink, SwitchPosition } from '../../ports/index.ts';
import { Movements } from '../movements.ts';
import { ImageHolder } from './image-holder.ts';
import { imageHome, QemuDrive } from './qemu-drive.ts';
import type { Qmp } from './qmp.ts';

export interface QmpDriveSwitchOptions {
  /** "disk0". */
  readonly disk: string;
  /** Absolute path of a raw image or a block device, as QEMU was given it. */
  readonly image: string;
  /** Of QEMU's block node of driver "raw". */
  readonly node: string;
  readonly qmp: Qmp;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly handBack: Duration;
}

/**
 * The drive of a QEMU host whose sectors are an image. Ours or held, QEMU has closed it, and its locks are ours: also a
 * QEMU that is started meanwhile does not get it. Where no QEMU runs, the image is the host's as soon as one does.
 */
export class QmpDriveSwitch implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #options: QmpDriveSwitchOptions;
  readonly #drive: QemuDrive;
  readonly #movements: Movements;
  #holder: ImageHolder | undefined;
  #device: BlockDevice | undefined;

  constructor(options: QmpDriveSwitchOptions) {
    this.disk = options.disk;
    this.capabilities = { hold: true, handBack: options.handBack, ownPower: true };
    this.#options = options;
    this.#drive = new QemuDrive({ ...options, home: imageHome(options.image) });
    const { disk, log } = options;
    this.#movements = new Movements({
      disk,
      log,
      home: () => this.#home(),
      event: 'qemu-host.switch-failed',
    });
  }

  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    const at = await this.#drive.at(signal).catch(() => ({ is: 'unknown' as const }));
    const holds = this.#holder?.holds === true;
    switch (at.is) {
      case 'host':
        return holds ? 'unknown' : 'host';
      case 'absent':
        if (!holds) return 'host';
        return this.#device === undefined ? 'held' : 'ours';
      case 'away':
        return holds && this.#device !== undefined ? 'ours' : 'held';
      case 'between':
      case 'unknown':
        return 'unknown';
    }
  }

  async take(signal: AbortSignal): Promise<BlockDevice> {
    signal.throwIfAborted();
    return this.#movements.take(signal, async (check) => {
      await this.#drive.detach(signal);
      check();
      const holder = await this.#hold();
      check();
      const device = await holder.connect();
      check();
      this.#device = device;
      return device;
    });
  }

  giveBack(): Promise<void> {
    return this.#movements.send(() => this.#home());
  }

  hold(): Promise<void> {
    return this.#movements.send(async () => {
      await this.#disconnect();
      await this.#drive.detach();
      await this.#hold();
    });
  }

  /** Lets the image go, and leaves the drive in QEMU where it is. */
  close(): Promise<void> {
    return this.#movements.send(() => this.#letGo());
  }

  async #home(): Promise<void> {
    await this.#letGo();
    await this.#drive.attach();
  }

  async #hold(): Promise<ImageHolder> {
    if (this.#holder?.holds === true) return this.#holder;
    await this.#letGo();
    const { image, clock } = this.#options;
    this.#holder = await ImageHolder.open({ name: this.disk, image, clock });
    return this.#holder;
  }

  async #letGo(): Promise<void> {
    this.#device = undefined;
    const holder = this.#holder;
    this.#holder = undefined;
    await holder?.release();
  }

  /** What was written is in the image by then; that it is on its medium is up to whoever wrote, by flushing. */
  async #disconnect(): Promise<void> {
    this.#device = undefined;
    await this.#holder?.disconnect().catch((error: unknown) => this.#movements.note(error));
  }
}
