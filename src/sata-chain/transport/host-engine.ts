import type { Stop } from '../../ports/index.ts';
import { COMMAND } from '../ata/commands.ts';
import { decodeIdentity } from '../ata/identify-decode.ts';
import { IDENTIFY_BYTES } from '../ata/identify-words.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { type Fis, type RegisterD2H, SOFT_RESET, STATUS } from '../fis/fis.ts';
import { decodeFis } from '../fis/fis-decode.ts';
import { AtaFault } from '../target.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';
import type { FisPipe } from './fis-pipe.ts';
import { type CommandEnd, type HostCommand, type HostRequest, newCommand } from './host-command.ts';
import { COMMAND_FIS, HostQueue } from './host-queue.ts';
import { Outbox } from './outbox.ts';
import { decodeQueueError, LOG_BYTES, QUEUE_ERROR_LOG } from './queue-error-log.ts';

export interface HostEngineOptions {
  /** How long a device may take for its answer to SRST, for IDENTIFY after it, and for its error log; 10 s by default. */
  readonly resetDeadline?: Nanoseconds;
  /** SRSTs in a row that may go unanswered before what waits fails; 3 by default. */
  readonly resetTries?: number;
}

/**
 * `down`: no signature; the next command tries a reset. `resetting`: SRST sent, nothing but its signature counts.
 * `identifying`: the device's size and queue depth are asked for. `log`: a queued command failed, and the error log is
 * being read.
 */
type State = 'down' | 'resetting' | 'identifying' | 'ready' | 'log' | 'closed';

/**
 * Brings a device to where it takes commands, and back there after whatever went wrong. What does not fit the protocol
 * ends everything under way with NS_ATA_LINK, and SRST begins anew; the signature that answers it carries its number, so
 * that no earlier answer is taken for a later one. After a failed queued command the others are given again.
 */
export class HostEngine {
  readonly #outbox: Outbox;
  readonly #queue: HostQueue;
  readonly #scheduler: Scheduler;
  readonly #resetDeadline: Nanoseconds;
  readonly #resetTries: number;
  readonly #stops: readonly Stop[];
  readonly #signatures = new Set<() => void>();
  #state: State = 'down';
  #connected = false;
  #identity: DeviceIdentity | undefined;
  /** Number of the last SRST. */
  #reset = 0;
  #tries = 0;
  #tellSignature = false;
  #cancelTimer: (() => void) | undefined;

  constructor(pipe: FisPipe, scheduler: Scheduler, options: HostEngineOptions) {
    this.#outbox = new Outbox(pipe);
    this.#queue = new HostQueue((fis) => this.#post(fis), this.#outbox.chunk);
    this.#scheduler = scheduler;
    this.#resetDeadline = options.resetDeadline ?? millis(10_000);
    this.#resetTries = options.resetTries ?? 3;
    this.#stops = [
      pipe.onFis((bytes) => this.#onFis(bytes)),
      pipe.onConnection((connected) => {
        this.#connected = connected;
        if (!connected) this.goDown('the link is cut');
      }),
    ];
  }

  onSignature(listener: () => void): Stop {
    this.#signatures.add(listener);
    return () => this.#signatures.delete(listener);
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** What the device is, as it said after the last reset; undefined while it is not ready. */
  get identity(): DeviceIdentity | undefined {
    return this.#state === 'ready' || this.#state === 'log' ? this.#identity : undefined;
  }

  /** Gives a command when its turn comes. */
  run(request: HostRequest, hears: CommandEnd): HostCommand {
    const command = newCommand(request, hears);
    if (this.#state === 'closed') hears.fail(new AtaFault('LINK', 'the link is closed'));
    else if (!this.#connected) hears.fail(new AtaFault('LINK', 'the link is not connected'));
    else {
      this.#queue.add(command);
      if (this.#state === 'down') this.recover('the device was not ready');
      else this.#dispatch();
    }
    return command;
  }

  /** Takes a command back; false where the device has it already. */
  withdraw(command: HostCommand): boolean {
    return this.#queue.withdraw(command);
  }

  /** Ends everything that the device has with NS_ATA_LINK, and resets it. */
  recover(why: string): void {
    if (this.#state === 'closed' || !this.#connected) return;
    this.#tries = 0;
    this.#abandon(why);
    this.#sendReset();
  }

  /** Ends everything with NS_ATA_LINK, what waits too; until the next signature or command the device is left alone. */
  goDown(why: string): void {
    this.#abandon(why);
    this.#queue.abandonWaiting(why);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#state = 'closed';
    this.goDown('the link is closed');
  }

  #abandon(why: string): void {
    this.#cancelTimer?.();
    this.#outbox.clear();
    if (this.#state !== 'closed') this.#state = 'down';
    this.#queue.abandon(why);
  }

  #sendReset(): void {
    if (this.#state !== 'down') return;
    if (this.#tries >= this.#resetTries) {
      this.goDown('the device does not answer to SRST');
      return;
    }
    this.#tries += 1;
    this.#state = 'resetting';
    this.#reset = this.#reset >= 0xffff_ffff ? 1 : this.#reset + 1;
    this.#startTimer();
    for (const control of [SOFT_RESET, 0]) {
      this.#post({ ...COMMAND_FIS, isCommand: false, control, auxiliary: this.#reset });
    }
  }

  #startTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#scheduler.after(this.#resetDeadline, () => {
      this.#abandon('the device does not answer');
      this.#sendReset();
    });
  }

  #dispatch(): void {
    if (this.#state === 'ready') this.#queue.dispatch(this.#identity?.features.ncqDepth ?? 0);
  }

  #post(fis: Fis): void {
    if (!this.#outbox.post(fis)) this.goDown('the link does not take what is to be sent');
  }

  #onFis(bytes: Uint8Array): void {
    let fis: Fis;
    try {
      fis = decodeFis(bytes);
    } catch {
      return;
    }
    if (fis.type === 'register-d2h' && isSignature(fis)) {
      this.#signature(fis);
      return;
    }
    if (this.#state !== 'ready' && this.#state !== 'log' && this.#state !== 'identifying') return;
    const heard = this.#queue.hear(fis);
    if (heard === 'queue-failed') this.#readLog();
    else if (heard !== undefined) this.recover(heard.broken);
    else this.#dispatch();
  }

  #signature(fis: RegisterD2H): void {
    if (this.#state === 'closed' || (fis.echo !== 0 && fis.echo !== this.#reset)) return;
    if (this.#state !== 'resetting') {
      // The device was reset by someone else. What it sent before may still be on its way.
      this.#tellSignature = true;
      this.recover('the device was reset');
      return;
    }
    this.#state = 'identifying';
    this.#ask({ command: COMMAND.identifyDevice }, IDENTIFY_BYTES, 'identifying', (data) =>
      this.#identified(data),
    );
  }

  #identified(data: Uint8Array): void {
    try {
      this.#identity = decodeIdentity(data);
    } catch {
      this.goDown('the device identifies itself with junk');
      return;
    }
    this.#cancelTimer?.();
    this.#state = 'ready';
    if (!this.#tellSignature) return;
    this.#tellSignature = false;
    for (const listener of this.#signatures) listener();
  }

  #readLog(): void {
    this.#state = 'log';
    this.#queue.stopData();
    const registers = { command: COMMAND.readLogExt, lba: QUEUE_ERROR_LOG, count: 1 };
    this.#ask(registers, LOG_BYTES, 'log', (page) => {
      this.#cancelTimer?.();
      this.#state = 'ready';
      if (!this.#queue.settleFailure(decodeQueueError(page))) {
        this.recover('the device does not say which command failed');
      }
    });
  }

  /** A command of our own: one block, which must come while this state lasts. */
  #ask(
    registers: HostRequest['registers'],
    bytes: number,
    state: State,
    then: (block: Uint8Array) => void,
  ): void {
    this.#startTimer();
    const buffer = new Uint8Array(bytes);
    const failed = (): void => {
      if (this.#state === state) this.goDown('the device does not answer what it must');
    };
    const data = { toHost: true, buffer };
    this.#queue.giveAlone(newCommand({ registers, data }, { done: () => then(buffer), fail: failed }));
  }
}

const isSignature = (fis: RegisterD2H): boolean =>
  (fis.status & (STATUS.error | STATUS.busy)) === 0 && fis.error === 1 && fis.count === 1 && fis.lba === 1;
