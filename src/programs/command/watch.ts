import { type Command, Option } from 'commander';
import { systemClock } from '../../adapters/system-clock.ts';
import { milliseconds, seconds } from '../../base/index.ts';
import { type ExitCode, fitScreen, forEachHost, parseCount, Watched } from '../../fleet/index.ts';
import { timeText } from '../../show/index.ts';
import type { Context } from './context.ts';
import { answerHost, type HostWork, linesOf, runOnHosts, type Watch } from './run.ts';

export interface WatchOptions {
  /** True where no number was given. */
  readonly watch?: string | true;
}

/** Each question is an order, and its receipt is written to the device's flash. */
const EVERY_SECONDS = 10;
const LEAST_SECONDS = 2;
const MOST_SECONDS = 86_400;
const SILENT: Watch = { onEvent: () => undefined, onProgress: () => undefined };

export function withWatch(command: Command): Command {
  return command.addOption(
    new Option(
      '--watch [seconds]',
      `ask again and again, until Ctrl-C: every ${EVERY_SECONDS} s, ${LEAST_SECONDS} at least`,
    ),
  );
}

function everyOf(watch: string | true): number {
  return watch === true
    ? EVERY_SECONDS
    : parseCount(watch, 'number of seconds after --watch', LEAST_SECONDS, MOST_SECONDS);
}

/** Asks once, or with --watch until it is stopped: on a terminal the answers are drawn anew, in a pipe the changes are printed. */
export async function runWatched(
  context: Context,
  range: string,
  work: HostWork,
  { watch }: WatchOptions,
): Promise<ExitCode> {
  if (watch === undefined) return runOnHosts(context, await context.hosts(range), work);
  const every = seconds(everyOf(watch));
  const hosts = await context.hosts(range);
  const { terminal } = context;
  const watched = new Watched();
  const ask = (fleet: Parameters<HostWork>[0]) =>
    forEachHost(
      hosts,
      async (host) => {
        const answer = await answerHost(context, work, fleet, host, SILENT);
        return { host, answer, text: answer.lines.join('\n') };
      },
      context.atOnce,
    );
  return context.withFleet(
    async (fleet) => {
      for (;;) {
        const begin = systemClock.monotonic();
        const answers = await ask(fleet);
        const changed = watched.changed(answers);
        const now = timeText(systemClock.wallSeconds());
        if (context.json) {
          for (const { answer } of changed) for (const line of answer.json) terminal.print(line);
        } else if (terminal.screen === undefined) {
          if (changed.length > 0) for (const line of [now, ...linesOf(changed)]) terminal.print(line);
        } else {
          const { rows, columns } = terminal.screen;
          terminal.redraw(fitScreen([now, ...linesOf(answers)], rows, columns));
        }
        const took = systemClock.monotonic() - begin;
        await systemClock.sleep(milliseconds(Math.max(0, every - took)), context.signal);
      }
    },
    { unkept: true },
  );
}
