import { systemClock } from '../../adapters/system-clock.ts';
import {
  type Duration,
  eitherSignal,
  equalBytes,
  milliseconds,
  minutes,
  seconds,
  sentenceOf,
} from '../../base/index.ts';
import { EXIT, type Fleet } from '../../fleet/index.ts';
import type { Stop } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { answerOf, type HostAnswer, type Watch } from './run.ts';

const FIRST = seconds(5);
const LONGEST = seconds(30);

export interface TrialWait {
  /** The id of the order that has put the firmware on trial. */
  readonly order: Uint8Array;
  readonly patience: Duration;
  readonly watch: Watch;
}

/**
 * Asks the device again and again, which is away while it starts, until it says in a receipt of its own that the firmware was
 * confirmed or rolled back.
 */
export async function waitForTrial(
  context: Context,
  fleet: Fleet,
  host: string,
  { order, patience, watch }: TrialWait,
): Promise<HostAnswer> {
  const end = systemClock.monotonic() + patience;
  let said = 'it has not come back';
  // Each time it says that it is there: after a start that is when it has reached its broker.
  let wake = (): void => {};
  let stop: Stop | undefined;
  try {
    for (let pause = FIRST; ; pause = milliseconds(Math.min(LONGEST, pause * 2))) {
      stop ??= await fleet
        .listen(host, (event) => {
          if (event.event === 'presence' && event.state === 'online') wake();
        })
        .catch(() => undefined);
      await sleepUntil(pause, context.signal, (ring) => {
        wake = ring;
      });
      try {
        const looked = await look(context, fleet, host, { order, watch });
        if (typeof looked !== 'string') return looked;
        said = looked;
      } catch (error) {
        // The order was obeyed, whatever keeps this side from asking now.
        context.signal.throwIfAborted();
        said = sentenceOf(error);
      }
      if (systemClock.monotonic() >= end)
        return { code: EXIT.unreachable, lines: [`what became of it is not known yet: ${said}`], json: [] };
    }
  } finally {
    stop?.();
  }
}

/** Asks once: its answer, or what is to be said while it has none. */
async function look(
  context: Context,
  fleet: Fleet,
  host: string,
  { order, watch }: Pick<TrialWait, 'order' | 'watch'>,
): Promise<HostAnswer | string> {
  const run = await fleet.order(
    host,
    'agent.firmware',
    {},
    {
      signal: context.signal,
      timing: { accept: seconds(20), silence: seconds(30), total: minutes(1), validFor: minutes(2) },
    },
  );
  for await (const event of run.events()) watch.onEvent(event);
  const outcome = await run.outcome;
  const answer = answerOf(host, 'agent.firmware', outcome);
  if (outcome.is !== 'receipt' || outcome.result === undefined)
    return answer.code === EXIT.unreachable ? 'it has not come back' : answer.lines.join(' ');
  const end = endOf(outcome.result, order);
  if (end.is === 'waits') return end.line;
  return { ...answer, code: end.is === 'confirmed' ? answer.code : EXIT.failed, lines: [end.line] };
}

type TrialEnd = { readonly is: 'confirmed' | 'rolled-back' | 'waits'; readonly line: string };

export function endOf({ update, version, running }: ResultOf<'agent.firmware'>, order: Uint8Array): TrialEnd {
  if (update === undefined || !equalBytes(update.order, order))
    return { is: 'rolled-back', line: `${version} runs, and another update was made since` };
  const why = update.why === undefined ? '' : `: ${update.why}`;
  switch (update.state) {
    case 'confirmed':
      if (running !== update.slot)
        return {
          is: 'rolled-back',
          line: `version ${update.version} was confirmed, and does NOT run: ${version} runs in slot ${running}`,
        };
      return {
        is: 'confirmed',
        line: `version ${update.version} was confirmed, and runs in slot ${update.slot}`,
      };
    case 'rolled-back':
      return {
        is: 'rolled-back',
        line: `version ${update.version} was ROLLED BACK, and ${version} runs${why}`,
      };
    case 'trying':
      return { is: 'waits', line: `version ${update.version} is on trial${why}` };
  }
}

/** Ends after the time, or when it is rung; NS_INTERRUPTED's reason where the signal comes first. */
async function sleepUntil(
  pause: Duration,
  signal: AbortSignal,
  bell: (ring: () => void) => void,
): Promise<void> {
  const woken = new AbortController();
  bell(() => woken.abort());
  const either = eitherSignal(signal, woken.signal);
  await systemClock.sleep(pause, either.signal).catch(() => {});
  either.release();
  signal.throwIfAborted();
}
