import type { Stop } from '../../ports/index.ts';
import { SMART_FAILING, SMART_GOOD } from '../ata/smart.ts';
import { type Fis, type RegisterD2H, type RegisterH2D, SOFT_RESET } from '../fis/fis.ts';
import { decodeFis } from '../fis/fis-decode.ts';
import { AtaFault, type SataTarget } from '../target.ts';
import { millis, type Nanoseconds, type Scheduler } from '../time.ts';
import { Budget } from './budget.ts';
import { DataPhases } from './data-phases.ts';
import { DeviceAnswers } from './device-answers.ts';
import { type DeviceCommand, parseCommand } from './device-command.ts';
import { type DeviceSession, freezeQueue, newSession, RESET, thawQueue } from './device-session.ts';
import { DeviceWork, type Transfer } from './device-work.ts';
import { registersOf } from './fault-registers.ts';
import type { FisPipe } from './fis-pipe.ts';
import { Outbox } from './outbox.ts';
import { encodeQueueError, QUEUE_ERROR_LOG } from './queue-error-log.ts';

export interface FisDeviceOptions {
  /** Holds back the signature until `release`. */
  readonly held?: boolean;
  /** Most bytes of data of all commands under way; 4 MiB by default. */
  readonly memory?: number;
  /** How long a host may take for each Data FIS that it was asked for; 10 s by default. */
  readonly patience?: Nanoseconds;
}

/**
 * The device role of the transport layer: serves FISes against a target. A failed queued command ends the queue, as
 * SATA has it, and READ LOG EXT page 10h says which one it was. Nothing that a host sends or leaves out makes it hold
 * more than its memory, or a command for ever; SRST always ends what is under way. The signature follows a reset only
 * when all earlier work has ended, so that no late write can come after a newer one.
 */
export class FisDevice {
  readonly #outbox: Outbox;
  readonly #answers: DeviceAnswers;
  readonly #phases: DataPhases;
  readonly #work: DeviceWork;
  readonly #target: SataTarget;
  readonly #stops: readonly Stop[];
  readonly #running = new Set<Promise<void>>();
  /** Undefined from a reset until the signature is sent. */
  #session: DeviceSession | undefined;
  #held: boolean;
  #inReset = false;
  #echo = 0;
  #resets = 0;

  constructor(pipe: FisPipe, target: SataTarget, scheduler: Scheduler, options: FisDeviceOptions = {}) {
    this.#outbox = new Outbox(pipe);
    // A host that does not read what it asked for is answered no more, until it resets.
    this.#answers = new DeviceAnswers(this.#outbox, () => this.#endSession());
    this.#phases = new DataPhases(this.#outbox, scheduler, options.patience ?? millis(10_000));
    this.#work = new DeviceWork(target, this.#phases, new Budget(options.memory ?? 4 * 1024 * 1024));
    this.#target = target;
    this.#held = options.held ?? false;
    this.#stops = [
      pipe.onFis((bytes) => this.#onFis(bytes)),
      pipe.onConnection((connected) => (connected ? this.comreset() : this.#endSession())),
    ];
  }

  /** COMRESET: ends what is under way, puts settings back, and sends the signature when that is done. */
  comreset(): void {
    this.#work.writeCache = true;
    this.#inReset = false;
    this.#echo = 0;
    this.#restart();
  }

  /** Ends what is under way, and puts settings back; no command is answered until `release`. */
  hold(): void {
    this.#held = true;
    this.#work.writeCache = true;
    this.#endSession();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (!this.#inReset) this.#restart();
  }

  close(): void {
    this.#held = true;
    for (const stop of this.#stops) stop();
    this.#endSession();
  }

  #endSession(): void {
    this.#session?.all.abort(RESET);
    this.#session?.queue.abort(RESET);
    this.#session = undefined;
    this.#work.sweep();
    this.#resets += 1;
    this.#outbox.clear();
  }

  #restart(): void {
    this.#endSession();
    this.#work.forget();
    if (this.#held) return;
    const own = this.#resets;
    void Promise.all(this.#running).then(() => {
      if (own !== this.#resets) return;
      this.#session = newSession();
      this.#answers.signature(this.#echo);
    });
  }

  #onFis(bytes: Uint8Array): void {
    let fis: Fis;
    try {
      fis = decodeFis(bytes);
    } catch {
      return;
    }
    if (fis.type === 'data') this.#phases.onData(fis.payload);
    if (fis.type !== 'register-h2d') return;
    if (!fis.isCommand) this.#control(fis);
    else if (this.#session !== undefined && !this.#inReset) this.#accept(this.#session, fis);
  }

  #control(fis: RegisterH2D): void {
    if ((fis.control & SOFT_RESET) !== 0) {
      this.#inReset = true;
      this.#endSession();
    } else if (this.#inReset) {
      this.#inReset = false;
      this.#echo = fis.auxiliary;
      this.#restart();
    }
  }

  #accept(session: DeviceSession, fis: RegisterH2D): void {
    // A host that gives a command while the device is busy with an unqueued one breaks the protocol.
    if (session.plain) return;
    const command = parseCommand(fis);
    const queued = command.kind === 'read' || command.kind === 'write' ? command.tag : undefined;
    const readsLog = command.kind === 'read-log' && command.log === QUEUE_ERROR_LOG;
    // Given before the host knew of the failure: it ends with the rest of the queue.
    if (session.queueError !== undefined && queued !== undefined) return;
    if (session.queueError !== undefined && !readsLog) {
      this.#answers.failed(new AtaFault('ABORTED', 'the error log must be read first'));
    } else if (queued === undefined && session.tags.size > 0 && !readsLog) {
      freezeQueue(session, { tag: undefined, ...registersOf(undefined) });
      this.#work.sweep();
      this.#answers.failed(new AtaFault('ABORTED', 'an unqueued command while others are queued'));
    } else if (queued === undefined) {
      session.plain = true;
      this.#track(this.#runPlain(session, command));
    } else if (session.tags.has(queued)) {
      this.#queueFailed(session, queued, new AtaFault('ABORTED', 'this tag is in use'));
    } else {
      session.tags.add(queued);
      const work = this.#runQueued(session, command as Transfer, queued);
      session.queueWork.add(work);
      this.#track(work.finally(() => session.queueWork.delete(work)));
    }
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #runQueued(session: DeviceSession, command: Transfer, tag: number): Promise<void> {
    const { signal } = session.queue;
    this.#answers.accepted();
    try {
      await this.#work.transfer(command, signal, () => {
        if (signal.aborted) return;
        session.tags.delete(tag);
        this.#answers.queuedDone(tag);
      });
    } catch (error) {
      if (!signal.aborted) this.#queueFailed(session, tag, error);
    }
  }

  #queueFailed(session: DeviceSession, tag: number, error: unknown): void {
    const registers = registersOf(error);
    freezeQueue(session, { tag, ...registers });
    this.#work.sweep();
    this.#answers.queuedFailed(registers.error);
  }

  async #runPlain(session: DeviceSession, command: DeviceCommand): Promise<void> {
    const { signal } = session.all;
    let end: () => void;
    try {
      end = await this.#carryOut(session, command, signal);
    } catch (error) {
      end = () => this.#answers.failed(error);
    }
    if (signal.aborted) return;
    session.plain = false;
    end();
  }

  /** Ends with what is to be sent last. */
  async #carryOut(session: DeviceSession, command: DeviceCommand, signal: AbortSignal): Promise<() => void> {
    const done =
      (registers: Partial<RegisterD2H> = {}) =>
      () =>
        this.#answers.done(registers);
    switch (command.kind) {
      case 'read':
      case 'write':
        await this.#work.transfer(command, signal);
        // Programmed input ends with its last block.
        return command.kind === 'read' && command.pio === true ? () => {} : done();
      case 'verify':
        await this.#target.verify(command.lba, command.count, signal);
        return done();
      case 'trim':
        await this.#work.trim(command.blocks, signal);
        return done();
      case 'flush':
        await this.#target.flush(signal);
        return done();
      case 'identify': {
        const data = await this.#work.identify(signal);
        return () => this.#answers.block(data);
      }
      case 'read-log': {
        if (command.log !== QUEUE_ERROR_LOG || command.page !== 0 || command.count !== 1) break;
        await Promise.all(session.queueWork);
        const error = session.queueError ?? { tag: undefined, error: 0, lba: 0 };
        if (!signal.aborted) thawQueue(session);
        return () => this.#answers.block(encodeQueueError(error));
      }
      case 'smart-status': {
        const status = await this.#target.smartStatus(signal);
        return done({ lba: status === 'good' ? SMART_GOOD : SMART_FAILING });
      }
      case 'native-max':
        return done({ lba: await this.#work.lastLba(signal) });
      case 'power-mode':
        return done({ count: 0xff });
      case 'write-cache':
        if (!command.on) await this.#target.flush(signal);
        this.#work.writeCache = command.on;
        return done();
      case 'diagnose':
        return () => this.#answers.signature(0);
      case 'nothing':
        return done();
      case 'aborted':
        break;
    }
    throw new AtaFault('ABORTED', 'the command is not supported');
  }
}
