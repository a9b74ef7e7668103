import type { QmpLine } from './qmp-line.ts';

export interface EmulatedSwitchOptions {
  readonly monitor: QmpLine;
  /** The line that the switch hangs on: a device of QEMU and its property. */
  readonly line: readonly [device: string, property: string];
  /** QEMU's USB bus that the drive is on while the line is high. */
  readonly bus: string;
}

const EVERY_MS = 100;
const ID = 'switched-drive';

/** The switch between a host's drive and a board: the drive, a node "host", is plugged in while a line of the board is high. */
export class EmulatedSwitch {
  readonly #options: EmulatedSwitchOptions;
  readonly #over = new AbortController();
  readonly #following: Promise<void>;

  constructor(options: EmulatedSwitchOptions) {
    this.#options = options;
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { monitor, line, bus } = this.#options;
    while (!this.#over.signal.aborted) {
      const wanted = await monitor.get(...line).catch(() => false);
      const devices = await monitor.ask('qom-list', { path: '/machine/peripheral' }).catch(() => []);
      const isThere = (devices as readonly { readonly name: string }[]).some(({ name }) => name === ID);
      // One that is about to go is still there, and is looked at again.
      if (wanted === true && !isThere)
        await monitor
          .ask('device_add', { driver: 'usb-storage', id: ID, drive: 'host', bus })
          .catch(() => undefined);
      if (wanted !== true && isThere) await monitor.ask('device_del', { id: ID }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}
