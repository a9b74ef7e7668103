import { RawTerminal } from '../../adapters/raw-terminal.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { asNsError, concatBytes, EscapeKeys, NsError, seconds } from '../../base/index.ts';
import { EXIT, type ExitCode } from '../../fleet/index.ts';
import type { SolConsole, SolEnd } from '../../ipmi/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import { IpmiAccess, usage } from './ipmi-access.ts';
import { exitOfIpmi, outcomeOf } from './ipmi-outcome.ts';
import { type IpmiOptions, remoteHostsOf } from './ipmi-run.ts';

export interface SolOptions {
  readonly takeOver?: true;
  /** commander's name of --no-escape. */
  readonly escape: boolean;
}

const HELP = [
  'At the beginning of a line:',
  '  ~.  end the console',
  '  ~B  send a break',
  '  ~?  this',
  '  ~~  send ~',
];
/** Keys typed ahead of what the BMC takes. */
const MOST_AHEAD = 64 * 1024;
/** Taken or not taken as a whole. */
const PIECE = 1024;
/** After the end of a pipe's input: what the machine still has to say to it. */
const AFTER_END = seconds(2);

/** The machine's serial console on this terminal, until "~.", the end of the input, or the console's own end. */
export async function runSol(context: Context, options: IpmiOptions, o: SolOptions): Promise<ExitCode> {
  if (context.json) throw usage('a console is no JSON');
  const access = await IpmiAccess.open(context, options);
  const [target, ...others] = await access.targets(remoteHostsOf(options, 'sol'));
  if (target === undefined || others.length > 0) throw usage('a console is of one machine: name one host');
  const { total } = context.timing;
  const client = await access.client(target, total === undefined ? {} : { timeout: total });
  try {
    const sol = await client.sol(o.takeOver ? { takeOver: true } : {}, context.signal);
    return await onTerminal(context, target.name, sol, o.escape);
  } catch (error) {
    context.signal.throwIfAborted();
    const fault = asNsError(error);
    context.terminal.warn(`nightshift: ${clean(fault.message)}`);
    return exitOfIpmi(outcomeOf(fault));
  } finally {
    await client.close();
    await access.done();
  }
}

async function onTerminal(
  context: Context,
  host: string,
  sol: SolConsole,
  escapes: boolean,
): Promise<ExitCode> {
  const terminal = new RawTerminal();
  const over = new AbortController();
  let settle: (end: SolEnd) => void = () => {};
  const ended = new Promise<SolEnd>((resolve) => {
    settle = resolve;
  });
  const leave = (): void => settle({ is: 'closed' });
  const fall = (error: unknown): void => settle({ is: 'lost', error: asNsError(error) });
  const signals = ['SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, leave);
  context.signal.addEventListener('abort', leave, { once: true });
  try {
    terminal.say(`[${clean(host)}: console open${escapes ? '; ~. ends it, ~? tells more' : ''}]`);
    sol.onEnd(settle);
    toTerminal(sol, terminal, over.signal, fall);
    sol.onStatus(({ hostAvailable, overrun }) => {
      if (!hostAvailable) terminal.say('[the machine takes no characters now]');
      if (overrun) terminal.say('[the BMC has lost characters of the machine]');
    });
    const keys = new Typed(sol, terminal, over.signal, fall);
    const escapeKeys = new EscapeKeys();
    terminal.onKeys((bytes) => {
      for (const step of escapes ? escapeKeys.take(bytes) : [{ is: 'send', bytes } as const]) {
        if (step.is === 'send') keys.add(step.bytes);
        else if (step.is === 'help') for (const line of HELP) terminal.say(line);
        else if (step.is === 'break')
          terminal.say(sol.sendBreak() ? '[break]' : '[no break: the BMC is behind]');
        else leave();
      }
    });
    terminal.onEnd(
      () =>
        void keys
          .empty()
          .then(() => quiet(sol, over.signal))
          .then(leave, fall),
    );
    const how = await ended;
    if (how.is === 'lost') throw how.error;
    return context.signal.aborted ? EXIT.interrupted : EXIT.done;
  } finally {
    over.abort(new NsError('NS_INTERRUPTED', 'the console has ended', { family: 'caller' }));
    terminal.close();
    for (const name of signals) process.off(name, leave);
    await sol.close();
    process.stderr.write(`[${clean(host)}: console closed]\n`);
  }
}

/** What the machine says, no faster than the terminal shows it. */
function toTerminal(
  sol: SolConsole,
  terminal: RawTerminal,
  signal: AbortSignal,
  fall: (error: unknown) => void,
): void {
  let waiting = false;
  sol.onData((bytes) => {
    if (terminal.write(bytes) || waiting) return;
    waiting = true;
    sol.pause();
    terminal.drained(signal).then(
      () => {
        waiting = false;
        sol.resume();
      },
      (error: unknown) => {
        if (!signal.aborted) fall(error);
      },
    );
  });
}

/** Ends when the machine has said nothing for a while. */
async function quiet(sol: SolConsole, signal: AbortSignal): Promise<void> {
  let last = systemClock.monotonic();
  const stop = sol.onData(() => {
    last = systemClock.monotonic();
  });
  try {
    while (systemClock.monotonic() - last < AFTER_END) await systemClock.sleep(seconds(0.2), signal);
  } finally {
    stop();
  }
}

/** What was typed and the BMC has not taken yet: keys are read on meanwhile, so that "~." is heard. */
class Typed {
  readonly #sol: SolConsole;
  readonly #terminal: RawTerminal;
  readonly #signal: AbortSignal;
  readonly #fall: (error: unknown) => void;
  #ahead = new Uint8Array(0);
  #writing: Promise<void> | undefined;

  constructor(sol: SolConsole, terminal: RawTerminal, signal: AbortSignal, fall: (error: unknown) => void) {
    this.#sol = sol;
    this.#terminal = terminal;
    this.#signal = signal;
    this.#fall = fall;
  }

  add(bytes: Uint8Array): void {
    this.#ahead = concatBytes(this.#ahead, bytes) as Uint8Array<ArrayBuffer>;
    if (this.#ahead.byteLength > MOST_AHEAD) this.#terminal.hold(true);
    this.#writing ??= this.#write()
      .catch((error: unknown) => {
        if (!this.#signal.aborted) this.#fall(error);
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** When all of it was taken. */
  async empty(): Promise<void> {
    await this.#writing;
    await this.#sol.drained(this.#signal);
  }

  async #write(): Promise<void> {
    while (this.#ahead.byteLength > 0) {
      const piece = this.#ahead.subarray(0, PIECE);
      if (this.#sol.write(piece)) this.#ahead = this.#ahead.subarray(piece.byteLength);
      else await this.#sol.room(this.#signal);
      if (this.#ahead.byteLength < MOST_AHEAD) this.#terminal.hold(false);
    }
  }
}
