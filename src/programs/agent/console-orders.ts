import { systemEntropy } from '../../adapters/entropy.ts';
import {
  asNsError,
  equalBytes,
  formatBytes,
  hours,
  NsError,
  type Refusal,
  refusal,
  seconds,
  toHex,
} from '../../base/index.ts';
import { Interrupted, type Talk } from '../../console/index.ts';
import { boundFor, writeOrder } from '../../fleet/index.ts';
import type { Clock, Stop } from '../../ports/index.ts';
import {
  type ArgsOf,
  parseMessage,
  type Receipt,
  type ResultOf,
  VERBS,
  type Verb,
} from '../../protocol/index.ts';
import { needsTwoPeople, openEvent, signOrder, type TechnicianSession } from '../../security/index.ts';
import type { TaskEvent } from '../../tasks/index.ts';
import { type ConsoleOrderParts, judgePacket } from './console-order.ts';

export interface ConsoleOrdersParts extends ConsoleOrderParts {
  /** A nonce of this device: its orders to itself need no wall clock. */
  readonly giveNonce: () => Uint8Array;
}

export type OrderEnd<V extends Verb> =
  /** Not taken: nothing was stored, and there is no receipt. */
  | { readonly is: 'refused'; readonly refusal: Refusal }
  | {
      readonly is: 'receipt';
      readonly packet: Uint8Array;
      readonly receipt: Receipt;
      readonly result: ResultOf<V> | undefined;
    };

export interface GiveOptions {
  /** The effect hash that was approved after a dry run. */
  readonly effect?: Uint8Array;
  /** Nobody waits for progress, and Ctrl-C is not for this one. */
  readonly aside?: true;
  /** Told its id before the desk has it. */
  readonly begin?: (id: Uint8Array) => void;
  /** What it offers to send. */
  readonly offered?: (offer: OfferNote) => void;
  /** Its progress is not printed: something else has the line. */
  readonly quiet?: true;
}

export type OfferNote = Extract<TaskEvent, { kind: 'offer' }>['body'];

const VALID_FOR = seconds(60);
/** Each kind of task ends by itself before that. */
const LONGEST = hours(24);
/** What is asked to stop gives the disk back sooner. */
const STOPPING = seconds(5);
const FIRST_LINE = seconds(2);
const BETWEEN_LINES = seconds(5);
const BETWEEN_SAMPLES = seconds(1);

/**
 * Gives an order as the technician who is logged in, and waits for its end. It is signed, judged and run as one that the broker
 * brings. Ctrl-C asks the task to stop and waits for what became of it; whoever leaves leaves it at work.
 */
export async function giveOrder<V extends Verb>(
  parts: ConsoleOrdersParts,
  session: TechnicianSession,
  talk: Talk,
  verb: V,
  args: ArgsOf<V>,
  { effect, aside, begin, offered, quiet }: GiveOptions = {},
): Promise<OrderEnd<V>> {
  const { desk, clock } = parts;
  if (needsTwoPeople({ verb, args })) return { is: 'refused', refusal: refusal('NEEDS_TWO_PEOPLE') };
  const packet = await sealed(parts, session, verb, args, effect);
  const judged = judgePacket(packet, parts);
  if (judged.is !== 'admitted') return { is: 'refused', refusal: judged.why };
  const { id } = judged.order.order;
  const silent = aside === true || quiet === true;
  const lines = silent ? undefined : new ProgressLines(clock, (line) => talk.print(line));
  let stop: Stop = () => undefined;
  const deadline = clock.deadline(LONGEST, 'the order');
  try {
    const ended = new Promise<Uint8Array>((resolve, reject) => {
      stop = desk.onEvent((event) => {
        if (event.kind === 'receipt' && equalBytes(event.id, id)) resolve(event.packet);
        else if (event.kind === 'progress' && equalBytes(event.body.id, id)) lines?.take(event.body);
        else if (event.kind === 'offer' && equalBytes(event.body.id, id)) offered?.(event.body);
      });
      deadline.signal.addEventListener('abort', () => reject(asNsError(deadline.signal.reason)), {
        once: true,
      });
    });
    ended.catch(() => undefined);
    begin?.(id);
    const submission = await desk.submit(judged.order);
    if (submission.is === 'refused') return submission;
    if (aside === true) return endOf(await ended, verb, parts);
    const first = await Promise.race([ended, interrupted(talk.signal)]);
    if (first !== 'interrupted') return endOf(first, verb, parts);
    talk.say('Asking it to stop.');
    const cancel = await giveOrder(parts, session, talk, 'task.cancel', { task: id }, { aside: true });
    if (cancel.is === 'refused') talk.say(`${cancel.refusal.sentence} The task goes on.`);
    const late = clock.deadline(STOPPING, 'stopping the task');
    try {
      return endOf(await Promise.race([ended, aborted(late.signal)]), verb, parts);
    } catch (cause) {
      const task = toHex(id);
      throw new NsError('NS_STILL_RUNNING', `the task ${task} has not ended yet; "tasks" shows it`, {
        cause,
      });
    } finally {
      late.release();
    }
  } finally {
    stop();
    deadline.release();
  }
}

async function sealed<V extends Verb>(
  { identity, clock, giveNonce }: ConsoleOrdersParts,
  session: TechnicianSession,
  verb: V,
  args: ArgsOf<V>,
  effect: Uint8Array | undefined,
): Promise<Uint8Array> {
  const { key, grants } = session;
  const writer = {
    key,
    counter: { next: async () => session.nextCounter() },
    entropy: systemEntropy,
    now: clock.wallSeconds(),
    ...(grants === undefined ? {} : { grants }),
  };
  const bound = boundFor(giveNonce(), VALID_FOR);
  const order = await writeOrder(writer, identity.device, verb, args, {
    bound,
    ...(effect === undefined ? {} : { effect }),
  });
  return signOrder(order, key, identity.tenant);
}

function endOf<V extends Verb>(packet: Uint8Array, verb: V, parts: ConsoleOrdersParts): OrderEnd<V> {
  const opened = openEvent(packet, parts.deviceKey, { tenant: parts.identity.tenant });
  if (!opened.ok || opened.value.event !== 'receipt') {
    throw new NsError('NS_RECEIPT_INVALID', 'the receipt of the order cannot be read', { family: 'bug' });
  }
  const receipt = opened.value;
  const parsed = receipt.result === undefined ? undefined : parseMessage(VERBS[verb].result, receipt.result);
  const result = parsed?.ok === true ? (parsed.value as ResultOf<V>) : undefined;
  return { is: 'receipt', packet, receipt, result };
}

/** At Ctrl-C; rejects where whoever was there is gone. */
function interrupted(signal: AbortSignal): Promise<'interrupted'> {
  return aborted(signal).catch((reason: unknown) => {
    if (reason instanceof Interrupted) return 'interrupted';
    throw reason;
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  const whole = new Promise<never>((_, reject) => {
    const give = (): void => reject(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
  whole.catch(() => undefined);
  return whole;
}

type Progress = Extract<TaskEvent, { kind: 'progress' }>['body'];

/** Lines that also read well in a log: none for what is quick, then one every few seconds. */
export class ProgressLines {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #print: (line: string) => void;
  #next: number;
  #nextSample = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, print: (line: string) => void) {
    this.#clock = clock;
    this.#print = print;
    this.#next = clock.monotonic() + FIRST_LINE;
  }

  take({ stage, done, total, unit, sample }: Progress): void {
    const now = this.#clock.monotonic();
    if (sample !== undefined) {
      if (now < this.#nextSample) return;
      this.#nextSample = now + BETWEEN_SAMPLES;
      this.#print(`  ${typeof sample === 'number' ? String(sample) : toHex(sample.subarray(0, 32))}`);
      return;
    }
    if (now < this.#next) return;
    this.#next = now + BETWEEN_LINES;
    const amount = (count: number): string =>
      unit === undefined || unit === 'B' || unit === 'bytes' ? formatBytes(count) : `${count} ${unit}`;
    // Rounded down: 100 % is said only of what is whole.
    const share = total === undefined || total === 0 ? '' : ` ${Math.floor((done * 100) / total)} %`;
    this.#print(`  ${stage}:${share} ${amount(done)}${total === undefined ? '' : ` of ${amount(total)}`}`);
  }
}
