import { asNsError, type NsError } from '../../base/index.ts';
import {
  EXIT,
  type ExitCode,
  eventJson,
  exitOfAll,
  exitOfOutcome,
  type Fleet,
  foldAnswers,
  forEachHost,
  type HostProgress,
  jsonLine,
  type OrderEvent,
  type OrderOptions,
  type OrderOutcome,
  type OrderRun,
  outcomeJson,
  showOutcome,
  timingOf,
} from '../../fleet/index.ts';
import type { ArgsOf, Verb } from '../../protocol/index.ts';
import { clean, type ShowOptions } from '../../show/index.ts';
import type { Context, Signing } from './context.ts';
import { Progress } from './progress.ts';
import type { TokensInHand } from './tokens-in-hand.ts';

/** What one host said, ready to be shown. */
export interface HostAnswer {
  readonly code: ExitCode;
  readonly lines: readonly string[];
  readonly json: readonly string[];
}

/** What is said while the work goes on. */
export interface Watch {
  readonly onEvent: (event: OrderEvent) => void;
  readonly onProgress: (progress: HostProgress) => void;
}

export type HostWork = (fleet: Fleet, host: string, watch: Watch) => Promise<HostAnswer>;

/** An answer from an outcome, and from what went wrong on this side. */
export function answerOf<V extends Verb>(
  host: string,
  verb: V,
  outcome: OrderOutcome<V>,
  show: ShowOptions = {},
  local: { readonly fault?: NsError; readonly file?: object; readonly lines?: readonly string[] } = {},
): HostAnswer {
  const code = exitOfOutcome(outcome);
  const unkept = outcome.is === 'receipt' ? outcome.unkept : undefined;
  const broken = local.fault ?? unkept;
  const fault = [local.fault, unkept].flatMap((error) =>
    error === undefined ? [] : [`here: ${error.message}`],
  );
  return {
    code: code === EXIT.done && broken !== undefined ? EXIT.local : code,
    lines: [...showOutcome(verb, outcome, show), ...(local.lines ?? []), ...fault],
    json: [outcomeJson(host, verb, outcome, broken === undefined ? local : { ...local, fault: broken })],
  };
}

function faultAnswer(host: string, error: unknown): HostAnswer {
  const fault = asNsError(error);
  return {
    code: EXIT.local,
    lines: [`not sent: ${fault.message}`],
    json: [
      jsonLine('answer', { host, outcome: 'not-sent', fault: { code: fault.code, sentence: fault.message } }),
    ],
  };
}

/** The answers as people see them, equal ones once, and those from whom nothing came apart. */
export function linesOf(
  answers: readonly { readonly host: string; readonly answer: HostAnswer }[],
): readonly string[] {
  return foldAnswers(
    answers.map(({ host, answer }) => ({
      host,
      text: answer.lines.map(clean).join('\n'),
      dead: answer.code === EXIT.unreachable,
    })),
  );
}

/** One host's answer, also where the work itself went wrong. Throws only where all of it was interrupted. */
export async function answerHost(
  context: Context,
  work: HostWork,
  fleet: Fleet,
  host: string,
  watch: Watch,
): Promise<HostAnswer> {
  try {
    return await work(fleet, host, watch);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return faultAnswer(host, error);
  }
}

/** Does the work on every host, shows the answers (equal ones folded into one), and gives the exit code. */
export async function runOnHosts(
  context: Context,
  hosts: readonly string[],
  work: HostWork,
  signing: Signing = {},
): Promise<ExitCode> {
  const progress = new Progress(context, hosts);
  const answers = await context
    .withFleet(
      (fleet) =>
        forEachHost(
          hosts,
          async (host) => {
            progress.begun(host);
            const watch: Watch = {
              onEvent: (event) => {
                if (context.json) context.terminal.print(eventJson(host, event));
              },
              onProgress: (moved) => progress.moved(host, moved),
            };
            const answer = await answerHost(context, work, fleet, host, watch);
            progress.ended(host, answer.code);
            if (context.json) for (const line of answer.json) context.terminal.print(line);
            return { host, answer };
          },
          context.atOnce,
        ),
      signing,
    )
    .finally(() => progress.close());
  if (!context.json) for (const line of linesOf(answers)) context.terminal.print(line);
  return exitOfAll(answers.map(({ answer }) => answer.code));
}

export interface FollowOptions {
  readonly show?: ShowOptions;
  readonly onEvent?: (host: string, event: OrderEvent) => void;
  /** The tokens of the command: one that was for an order which no device took is free again. */
  readonly tokens?: Pick<TokensInHand, 'release'> | undefined;
}

/** The work of a verb that is one order and its receipt. */
export function simpleOrder<V extends Verb>(
  context: Context,
  verb: V,
  args: ArgsOf<V>,
  more: FollowOptions & Partial<Pick<OrderOptions, 'effect' | 'untilEnded' | 'timing'>> = {},
): HostWork {
  return async (fleet, host, watch) => {
    const run = await fleet.order(host, verb, args, {
      signal: context.signal,
      timing: { ...timingOf(verb), ...context.timing, ...more.timing },
      ...(more.untilEnded === undefined ? {} : { untilEnded: more.untilEnded }),
      onNoNonce: ({ message }) => context.terminal.warn(`nightshift: ${message}; it goes by the clocks`),
      ...(more.effect === undefined ? {} : { effect: more.effect }),
    });
    return followOrder(host, verb, run, watch, more);
  };
}

/** Waits for the end of an order that was given, and tells of it on the way. */
export async function followOrder<V extends Verb>(
  host: string,
  verb: V,
  run: OrderRun<V>,
  watch: Watch,
  more: FollowOptions = {},
): Promise<HostAnswer> {
  for await (const event of run.events()) {
    watch.onEvent(event);
    more.onEvent?.(host, event);
    if (event.event === 'progress' && event.total !== undefined) {
      watch.onProgress({ done: event.done, total: event.total, unit: event.unit });
    }
  }
  const outcome = await run.outcome;
  if (outcome.is === 'rejected' && outcome.refusal.code !== 'TOKEN_SPENT') {
    await more.tokens?.release(run.id);
  }
  return answerOf(host, verb, outcome, more.show);
}
