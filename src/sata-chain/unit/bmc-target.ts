import { AtaFault, type SataTarget } from '../target.ts';
import { WorkUnderWay } from './work-under-way.ts';

/**
 * The unit as the management controller uses it: counts what is under way, so that a hand-back can wait for it, and cuts
 * it off when the controller is no longer served. No command begins before the last write of the host's has truly ended.
 */
export class BmcTarget implements SataTarget {
  readonly #target: SataTarget;
  readonly #served: () => boolean;
  readonly #hostWork: WorkUnderWay;
  /** What changes sectors and was really begun, also where whoever gave it was cut off. */
  readonly work = new WorkUnderWay();
  #cut = new AbortController();
  #underWay = 0;
  #idle: (() => void)[] = [];

  constructor(target: SataTarget, served: () => boolean, hostWork: WorkUnderWay) {
    this.#target = target;
    this.#served = served;
    this.#hostWork = hostWork;
  }

  /** Commands under way fail as NS_ATA_ABORTED. */
  cut(): void {
    this.#cut.abort(aborted());
    this.#cut = new AbortController();
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  identify: SataTarget['identify'] = (signal) => this.#run(signal, (s) => this.#target.identify(s));
  read: SataTarget['read'] = (lba, into, signal) => this.#run(signal, (s) => this.#target.read(lba, into, s));
  write: SataTarget['write'] = (lba, data, fua, signal) =>
    this.#run(signal, (s) => this.work.add(this.#target.write(lba, data, fua, s)));
  verify: SataTarget['verify'] = (lba, count, signal) =>
    this.#run(signal, (s) => this.#target.verify(lba, count, s));
  trim: SataTarget['trim'] = (ranges, signal) =>
    this.#run(signal, (s) => this.work.add(this.#target.trim(ranges, s)));
  flush: SataTarget['flush'] = (signal) => this.#run(signal, (s) => this.#target.flush(s));
  smartStatus: SataTarget['smartStatus'] = (signal) => this.#run(signal, (s) => this.#target.smartStatus(s));

  async #run<T>(signal: AbortSignal | undefined, command: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.#served()) throw aborted();
    const cut = this.#cut.signal;
    const both = signal ? AbortSignal.any([signal, cut]) : cut;
    this.#underWay += 1;
    const { promise, forget } = cutBy(cut);
    try {
      return await Promise.race([this.#begin(command, both), promise]);
    } finally {
      forget();
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #begin<T>(command: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (!this.#hostWork.idle) await this.#hostWork.over();
    signal.throwIfAborted();
    return command(signal);
  }
}

/** A promise that rejects when the signal aborts, unless it is forgotten before. */
function cutBy(signal: AbortSignal): { readonly promise: Promise<never>; readonly forget: () => void } {
  const { promise, reject } = withReject();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}

function withReject(): { readonly promise: Promise<never>; readonly reject: (reason: Error) => void } {
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  return { promise, reject };
}

const aborted = (): AtaFault => new AtaFault('ABORTED', 'the management controller does not own the chain');
