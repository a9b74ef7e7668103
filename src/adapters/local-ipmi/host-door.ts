import { asNsError, type Duration, milliseconds, NsError, seconds } from '../../base/index.ts';
import type { BmcAnswer, BmcCommands, HostFrames } from '../../ipmi/index.ts';
import type { Clock, LogSink } from '../../ports/index.ts';
import type { FrameDevice } from './frame-device.ts';

export interface HostDoorOptions {
  /** Of the device, for logs: "/dev/ipmi-kcs1". */
  readonly name: string;
  /** Undefined where this machine has no such device. */
  readonly open: () => Promise<FrameDevice | undefined>;
  readonly frames: HostFrames;
  readonly commands: Pick<BmcCommands, 'answer'>;
  readonly clock: Clock;
  readonly log: LogSink;
}

export type HostDoorState =
  | { readonly is: 'opening' }
  /** This machine has no such device; looked for again now and then. */
  | { readonly is: 'absent' }
  | { readonly is: 'open' }
  /** To be opened anew in a while. */
  | { readonly is: 'broken'; readonly reason: string }
  | { readonly is: 'closed' };

/** Looks at a device: soon after a message another one comes; then ever more rarely. Also the least time for a message. */
const SOONEST = milliseconds(1);
/** A host waits seconds for an answer, and a BMC that looks oftener spends its processor on nothing. */
const LATEST = milliseconds(100);
const later = (wait: Duration): Duration => milliseconds(Math.min(1.25 * wait, LATEST));
/** For a host to take an answer: its driver has given up by then. */
const TAKE_TIME = seconds(5);
const FIRST_BACK_OFF = seconds(1);
const LONGEST_BACK_OFF = seconds(30);
const WRONG_LENGTH: BmcAnswer = { completion: 0xc7, data: new Uint8Array(0) };

/**
 * The host's way to this BMC through a device of its system interface: one request at a time, in order, each answered or
 * forgotten. A device that fails is closed and opened anew, later and later.
 */
export class HostDoor {
  readonly #options: HostDoorOptions;
  readonly #over = new AbortController();
  readonly #ended: Promise<void>;
  #state: HostDoorState = { is: 'opening' };
  #backOff: Duration = FIRST_BACK_OFF;
  #device: FrameDevice | undefined;
  #attention = false;

  constructor(options: HostDoorOptions) {
    this.#options = options;
    this.#ended = this.#run().catch(() => {});
  }

  get state(): HostDoorState {
    return this.#state;
  }

  /** Something waits for the host at its BMC, or nothing does any more. Kept for a device that is not open now. */
  attention(raised: boolean): void {
    this.#attention = raised;
    this.#device?.attention?.(raised);
  }

  async close(): Promise<void> {
    this.#over.abort(new NsError('NS_IPMI_CLOSED', `${this.#options.name} was closed`));
    await this.#ended;
    this.#state = { is: 'closed' };
  }

  /** Until closed. */
  async #run(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await this.#once();
      this.#over.signal.throwIfAborted();
      await clock.sleep(this.#backOff, this.#over.signal);
      this.#backOff = milliseconds(Math.min(2 * this.#backOff, LONGEST_BACK_OFF));
    }
  }

  /** From opening the device to its end. */
  async #once(): Promise<void> {
    const { name, open, log } = this.#options;
    let device: FrameDevice | undefined;
    try {
      device = await open();
      if (device === undefined) {
        if (this.#state.is !== 'absent') log.log('info', 'host-door.absent', { device: name });
        this.#state = { is: 'absent' };
        return;
      }
      log.log('info', 'host-door.open', { device: name });
      this.#state = { is: 'open' };
      this.#device = device;
      if (this.#attention) device.attention?.(true);
      await this.#serve(device);
    } catch (error) {
      if (this.#over.signal.aborted) return;
      const reason = asNsError(error).sentence;
      if (this.#state.is !== 'broken' || this.#state.reason !== reason) {
        log.log('warn', 'host-door.broken', { device: name, reason });
      }
      this.#state = { is: 'broken', reason };
    } finally {
      this.#device = undefined;
      closeQuietly(device);
    }
  }

  async #serve(device: FrameDevice): Promise<never> {
    const { clock } = this.#options;
    let wait = SOONEST;
    for (;;) {
      this.#over.signal.throwIfAborted();
      let frame = device.read();
      wait = frame === undefined ? later(wait) : SOONEST;
      while (frame !== undefined) {
        frame = await this.#answer(device, frame);
        this.#backOff = FIRST_BACK_OFF;
      }
      await clock.sleep(wait, this.#over.signal);
    }
  }

  /** Gives the message that came before the answer to this one was taken, if so. */
  async #answer(device: FrameDevice, frame: Uint8Array): Promise<Uint8Array | undefined> {
    const { frames, commands, clock, log, name } = this.#options;
    const asked = frames.decode(frame);
    if (asked === undefined) return undefined;
    const answer =
      asked.is === 'damaged'
        ? WRONG_LENGTH
        : await orAborted(commands.answer(asked.request, { is: 'host' }), this.#over.signal);
    const reply = asked.reply(answer);
    const until = clock.monotonic() + TAKE_TIME;
    for (let wait = SOONEST; ; wait = later(wait)) {
      this.#over.signal.throwIfAborted();
      const end = device.write(reply);
      if (end === 'taken') return undefined;
      if (end === 'refused' || clock.monotonic() >= until) {
        log.log('debug', 'host-door.answer-lost', { device: name });
        return undefined;
      }
      await clock.sleep(wait, this.#over.signal);
      const next = device.read();
      if (next !== undefined) return next;
    }
  }
}

function closeQuietly(device: FrameDevice | undefined): void {
  try {
    device?.close();
  } catch {
    // It is not used any more.
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(asNsError(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
