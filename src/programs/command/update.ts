import type { Command } from 'commander';
import { milliseconds, NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, foldHosts, parseCount, parseWait, sendWindowFor } from '../../fleet/index.ts';
import { type FirmwareFile, openFirmwareFile } from '../firmware-file.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, type HostWork, runOnHosts, simpleOrder } from './run.ts';
import { waitForTrial } from './update-wait.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';
import { flag } from './wipe.ts';

const HOSTS = 'host, range, list or @group';

interface UpdateOptions {
  readonly dryRun?: true;
  readonly canary?: string;
  readonly wait: string | false;
}

/** Sends the image, and stays until the device says what became of it. */
function updating(context: Context, file: FirmwareFile, hosts: number, o: UpdateOptions): HostWork {
  const patience = o.wait === false ? undefined : milliseconds(parseWait(o.wait));
  return async (fleet, host, watch) => {
    const args = { manifest: file.signed, ...flag('dryRun', o.dryRun) };
    const { outcome, fault, id } = await fleet.update(host, args, file.content, {
      signal: context.signal,
      timing: context.timing,
      sendWindow: sendWindowFor(hosts),
      ...watch,
    });
    const answer = answerOf(host, 'agent.update', outcome, {}, fault === undefined ? {} : { fault });
    const result = outcome.is === 'receipt' ? outcome.result : undefined;
    if (result?.state !== 'trying' || patience === undefined) return answer;
    const became = await waitForTrial(context, fleet, host, { order: id, patience, watch });
    return {
      code: answer.code === EXIT.done ? became.code : answer.code,
      lines: [...became.lines, ...answer.lines],
      json: [...answer.json, ...became.json],
    };
  };
}

/** The first few alone; the rest only where each of those runs it, proven. */
async function inTurns(
  context: Context,
  names: readonly string[],
  work: HostWork,
  canary: number,
): Promise<ExitCode> {
  const [first, rest] = [names.slice(0, canary), names.slice(canary)];
  if (first.length === 0 || rest.length === 0) return runOnHosts(context, names, work);
  const code = await runOnHosts(context, first, work);
  if (code !== EXIT.done) {
    context.terminal.warn(`nightshift: left as they are: ${foldHosts(rest)}`);
    return code;
  }
  return runOnHosts(context, rest, work);
}

/** update, firmware. */
export function addUpdateCommands(program: Command, run: Run): void {
  program
    .command('update')
    .description(
      "update the devices' own firmware: written to the slot that does not run, tried, and taken back by itself where it does not prove itself",
    )
    .argument('<hosts>', HOSTS)
    .argument('<file>', 'a signed image: BOARD-VERSION.nsfw')
    .option('--dry-run', 'ask whether they would take it, and write nothing')
    .option('--canary <n>', 'the first so many alone, and the others only after each of these is proven')
    .option('--wait <time>', 'how long to wait for what becomes of it', '30m')
    .option('--no-wait', 'end when it is written and the device starts anew')
    .action((hosts: string, path: string, o: UpdateOptions) =>
      run(async (context) => {
        const names = await context.hosts(hosts);
        const canary = o.canary === undefined ? 0 : parseCount(o.canary, 'number of hosts', 1, 10_000);
        if (canary > 0 && o.wait === false && o.dryRun !== true)
          throw new NsError('NS_USAGE', '--canary waits until the first are proven: leave --no-wait away', {
            family: 'caller',
          });
        const file = await openFirmwareFile(path, context.signal);
        try {
          const { board, version, rollback } = file.manifest;
          context.terminal.warn(`${path}: version ${version} for ${board}, rollback ${rollback}`);
          const together = Math.min(names.length, context.atOnce);
          return await inTurns(context, names, updating(context, file, together, o), canary);
        } finally {
          await file.close();
        }
      }),
    );
  withWatch(
    program
      .command('firmware')
      .description('show which firmware devices run, on trial or proven, and what became of the last update')
      .argument('<hosts>', HOSTS),
  ).action((hosts: string, o: WatchOptions) =>
    run((context) => runWatched(context, hosts, simpleOrder(context, 'agent.firmware', {}), o)),
  );
}
