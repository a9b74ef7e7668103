import { asNsError } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';
import { openChainDevice } from '../../sata-chain/index.ts';
import type { LocalChain } from '../local-chain/local-chain.ts';
import { ExportDoor } from '../nbd/export-gate.ts';

/** The disk that a host at the chain's head sees, as an export has it: open while there is one, else shut at once. */
export class ChainOffer {
  readonly door = new ExportDoor();
  readonly #chain: LocalChain;
  readonly #log: LogSink;
  #shown = 0;
  #open = false;
  readonly #stops: readonly (() => void)[];

  constructor(chain: LocalChain, log: LogSink) {
    this.#chain = chain;
    this.#log = log;
    const { hba, head } = chain;
    this.#stops = [
      hba.onDisk(() => this.#show()),
      head.onChange((now, before) => {
        if (now.t.state !== before.t.state && hba.disk === undefined) this.#show();
      }),
    ];
    this.#show();
  }

  /** Somebody who connects gets the disk. */
  get isOpen(): boolean {
    return this.#open;
  }

  close(): void {
    this.#shown += 1;
    for (const stop of this.#stops) stop();
    this.door.close();
  }

  #show(): void {
    this.#shown += 1;
    const mine = this.#shown;
    this.#open = false;
    this.door.close();
    const { name, hba } = this.#chain;
    if (hba.disk === undefined) return;
    openChainDevice(name, hba.target, { writable: true }).then(
      (device) => {
        if (mine !== this.#shown) return;
        this.door.open(device);
        this.#open = true;
      },
      (error: unknown) => {
        this.#log.log('error', 'chain.disk-unknown', { disk: name, error: asNsError(error).message });
      },
    );
  }
}
