import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { asNsError, type Duration, milliseconds, NsError, Turns } from '../../base/index.ts';
import type {
  BlockDevice,
  Clock,
  DriveSwitch,
  Entropy,
  LogSink,
  StateStore,
  Stop,
  SwitchPosition,
} from '../../ports/index.ts';
import {
  type ChainControl,
  ChainDriveSwitch,
  millis,
  type Scheduler,
  UNIT_TIMINGS,
} from '../../sata-chain/index.ts';
import { openFileDevice } from '../file-device.ts';
import { LocalChain } from '../local-chain/local-chain.ts';
import { type NbdServer, serveNbd } from '../nbd/nbd-server.ts';
import { ChainOffer } from './chain-offer.ts';
import { type DriveHome, QemuDrive } from './qemu-drive.ts';
import type { Qmp } from './qmp.ts';

export interface ChainMember {
  /** Of a raw image or a block device. */
  readonly image: string;
  /** Its own for life; made from the image's path by default. */
  readonly serial?: string;
  readonly model?: string;
}

/** What the units of chains live by. */
export interface ChainLife {
  readonly scheduler: Scheduler;
  readonly entropy: Entropy;
  /** Where they keep what outlives a loss of power. */
  readonly state: StateStore;
}

export interface QemuChainDiskOptions extends ChainLife {
  readonly disk: string;
  /** The one nearest to the host first. */
  readonly members: readonly ChainMember[];
  readonly layout?: unknown;
  /** Where the host's controller reaches the head: an NBD export of the disk's name, on a unix socket of this path. */
  readonly socket: string;
  readonly node: string;
  readonly qmp: Qmp;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly handBack: Duration;
}

/** What remains of the board's time once holders have ended and their data are flushed (bmc/hand-back-plan). */
const SWITCH_SHARE = 0.2;
/** Until the head shows the host its disk. */
const SHOWN = milliseconds(2000);
const LOOK = milliseconds(5);
/** Images need no time to spin up. */
const SPIN = millis(3000);

/** The drive of a QEMU host that is a SATA chain: the head is the switch, and QEMU's AHCI controller is plugged into it. */
export class QemuChainDisk implements DriveSwitch {
  readonly disk: string;
  readonly capabilities: DriveSwitch['capabilities'];
  readonly #options: QemuChainDiskOptions;
  readonly #chain: LocalChain;
  readonly #devices: readonly BlockDevice[];
  readonly #head: ChainDriveSwitch;
  readonly #offer: ChainOffer;
  readonly #server: NbdServer;
  readonly #drive: QemuDrive;
  readonly #stop: Stop;
  #movement = 0;
  readonly #turns = new Turns();

  /** Opens the drives, switches the units on, and offers the disk. */
  static async open(options: QemuChainDiskOptions): Promise<QemuChainDisk> {
    const { disk, members, layout, socket, handBack, log } = options;
    const devices: BlockDevice[] = [];
    let chain: LocalChain | undefined;
    try {
      for (const [i, { image }] of members.entries()) {
        devices.push(await openFileDevice(image, { name: `${disk}.${i}`, writable: true }));
      }
      chain = await LocalChain.open({
        name: disk,
        members: members.map(({ image, serial = serialOf(image), model = 'QEMU CHAIN DISK' }, i) => ({
          device: devices[i]!,
          serial,
          model,
        })),
        scheduler: options.scheduler,
        clock: options.clock,
        entropy: options.entropy,
        state: options.state,
        log,
        ...(layout === undefined ? {} : { layout }),
        timings: { ...UNIT_TIMINGS, spin: SPIN, handBack: millis(handBack * SWITCH_SHARE) },
      });
      const offer = new ChainOffer(chain, log);
      const server = await serveNbd(offer.door, { exportName: disk, socketPath: socket });
      return new QemuChainDisk(options, chain, devices, offer, server);
    } catch (error) {
      await chain?.close();
      for (const device of devices) await device.close();
      throw error;
    }
  }

  private constructor(
    options: QemuChainDiskOptions,
    chain: LocalChain,
    devices: readonly BlockDevice[],
    offer: ChainOffer,
    server: NbdServer,
  ) {
    const { disk, handBack, socket } = options;
    this.disk = disk;
    this.capabilities = { hold: true, handBack, ownPower: true };
    this.#options = options;
    this.#chain = chain;
    this.#devices = devices;
    this.#offer = offer;
    this.#server = server;
    this.#head = new ChainDriveSwitch({ ...this.capabilities, disk, head: chain.head });
    this.#drive = new QemuDrive({ ...options, home: exportHome(socket, disk) });
    this.#stop = options.qmp.onState((state) => {
      if (state === 'up') this.#reconnect();
    });
    if (options.qmp.state === 'up') this.#reconnect();
  }

  get control(): ChainControl {
    return this.#chain.control;
  }

  /** The head's word: where it shows the host no disk, the export is withdrawn, whatever QEMU is plugged into. */
  async position(signal?: AbortSignal): Promise<SwitchPosition> {
    signal?.throwIfAborted();
    const { at } = this.#head;
    if (at !== 'host') return at;
    const drive = await this.#drive.at(signal).catch(() => ({ is: 'unknown' as const }));
    if (drive.is === 'host' || drive.is === 'absent') return 'host';
    return drive.is === 'away' ? 'held' : 'unknown';
  }

  async take(signal: AbortSignal): Promise<BlockDevice> {
    signal.throwIfAborted();
    this.#movement += 1;
    const mine = this.#movement;
    return this.#turns.take(async () => {
      const check = (): void => {
        signal.throwIfAborted();
        if (mine !== this.#movement)
          throw new NsError('NS_SWITCH', `${this.disk} was sent elsewhere meanwhile`);
      };
      try {
        check();
        await this.#drive.detach(signal);
        check();
        const device = await this.#head.take(signal);
        check();
        return device;
      } catch (error) {
        if (mine === this.#movement) await this.#home().catch(() => {});
        throw signal.aborted ? signal.reason : asNsError(error, 'NS_SWITCH');
      }
    });
  }

  async giveBack(): Promise<void> {
    this.#movement += 1;
    await this.#turns.take(() => this.#home());
  }

  async hold(): Promise<void> {
    this.#movement += 1;
    await this.#turns.take(async () => {
      // The head first: it is what keeps the disk from the host, also where no QEMU answers.
      await this.#head.hold();
      await this.#drive.detach();
    });
  }

  async close(): Promise<void> {
    this.#movement += 1;
    this.#stop();
    await this.#turns.idle();
    this.#offer.close();
    await this.#server.close();
    await this.#chain.close();
    for (const device of this.#devices) await device.close();
    await rm(this.#options.socket, { force: true });
  }

  async #home(): Promise<void> {
    await this.#head.giveBack();
    await this.#shown();
    await this.#drive.attach();
  }

  async #shown(): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.deadline(SHOWN, `the head of ${this.disk} showing it to the host`);
    try {
      while (!this.#offer.isOpen) await clock.sleep(LOOK, deadline.signal);
    } finally {
      deadline.release();
    }
  }

  /** A host that was connected to an agent before us has lost its drive with it. */
  #reconnect(): void {
    this.#turns
      .take(async () => {
        if (this.#head.at !== 'host') return;
        await this.#shown();
        await this.#drive.renew();
      })
      .catch((error: unknown) => {
        const { message } = asNsError(error, 'NS_SWITCH');
        this.#options.log.log('warn', 'qemu-host.not-reconnected', { disk: this.disk, error: message });
      });
  }
}

/**
 * An NBD export on a unix socket, as QEMU names it. Lost, it fails at once: with a delay for connecting again QEMU itself
 * stands still meanwhile, its monitor too.
 */
function exportHome(socket: string, name: string): DriveHome {
  return {
    file: `nbd+unix:///${name}?socket=${socket}`,
    node: async () => ({
      driver: 'nbd',
      server: { type: 'unix', path: socket },
      export: name,
    }),
  };
}

/** A drive keeps its serial wherever it is put: that of an image goes with its path. */
function serialOf(image: string): string {
  return `QEMU${createHash('sha256').update(image).digest('hex').slice(0, 12).toUpperCase()}`;
}
