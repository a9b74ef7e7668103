import { asNsError, equalBytes, seconds } from '../../base/index.ts';
import { type BmcMachine, commands, type Setting } from '../../ipmi/index.ts';
import type { Clock, LogSink, StateStore } from '../../ports/index.ts';

type BootFlags = ReturnType<BmcMachine['chassis']['bootFlags']['get']>;

export interface KeptBootFlagsOptions {
  readonly store: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  readonly clock: Clock;
  readonly log: LogSink;
}

const DOCUMENT = 'bmc-boot-flags';
const NONE = new Uint8Array(0);
/** The host may set them as often as it likes, and flash wears. */
const WRITE_EVERY = seconds(1);

/**
 * What the host boots from, as IPMI's tools set it. Persistent flags outlive a restart of the agent; those for one boot lapse within
 * a minute anyway. They take effect at once, and are on stable storage a second later; where that fails, they hold until the
 * restart, and the log says so.
 */
export class KeptBootFlags implements Setting<BootFlags> {
  readonly #options: KeptBootFlagsOptions;
  readonly #over = new AbortController();
  #flags: BootFlags;
  #stored: Uint8Array;
  #writing: Promise<void> | undefined;

  /** Storage errors as the store gives them; what cannot be read as flags is none. */
  static async open(options: KeptBootFlagsOptions): Promise<KeptBootFlags> {
    return new KeptBootFlags(options, (await options.store.readDocument(DOCUMENT)) ?? NONE);
  }

  private constructor(options: KeptBootFlagsOptions, stored: Uint8Array) {
    this.#options = options;
    this.#stored = stored;
    this.#flags = flagsIn(stored);
  }

  get(): BootFlags {
    return this.#flags;
  }

  async set(flags: BootFlags): Promise<void> {
    this.#flags = flags;
    this.#writing ??= this.#keep().finally(() => {
      this.#writing = undefined;
    });
  }

  /** When what is to be kept is kept. */
  async close(): Promise<void> {
    this.#over.abort(new Error('the boot flags are closed'));
    await this.#writing;
  }

  async #keep(): Promise<void> {
    const { store, clock, log } = this.#options;
    for (;;) {
      const bytes = worthKeeping(this.#flags);
      if (equalBytes(bytes, this.#stored)) return;
      try {
        await store.writeDocument(DOCUMENT, bytes);
        this.#stored = bytes;
      } catch (error) {
        log.log('error', 'boot-flags.not-kept', { error: asNsError(error, 'NS_STATE_IO').message });
        return;
      }
      await clock.sleep(WRITE_EVERY, this.#over.signal).catch(() => undefined);
    }
  }
}

const worthKeeping = (flags: BootFlags): Uint8Array =>
  flags.valid && flags.persistent === true ? commands.encodeBootFlags(flags) : NONE;

function flagsIn(stored: Uint8Array): BootFlags {
  if (stored.byteLength !== commands.encodeBootFlags({ valid: false }).byteLength) return { valid: false };
  const { device, ...rest } = commands.decodeBootFlags(stored);
  return rest.valid && device !== undefined ? { ...rest, device } : { valid: false };
}
