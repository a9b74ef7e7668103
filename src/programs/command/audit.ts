import type { Command } from 'commander';
import { EXIT, jsonLine, type OrderOutcome, parseCount } from '../../fleet/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, type HostAnswer, type HostWork, runOnHosts } from './run.ts';
import { checkAudit } from './verify.ts';

/** 64 entries a page: far more than any device's ring holds. */
const MAX_PAGES = 256;

interface AuditOptions {
  readonly from?: string;
  readonly limit?: string;
  readonly all?: true;
}

/** Reads the log, one page or all of it; what is shown is the sum, with the last receipt. */
async function readLog(
  context: Context,
  args: ArgsOf<'audit.read'>,
  all: boolean,
  ...[fleet, host, watch]: Parameters<HostWork>
): Promise<{ readonly answer: HostAnswer; readonly read: boolean }> {
  const json: string[] = [];
  const entries: ResultOf<'audit.read'>['entries'] = [];
  let from = args.from;
  for (let page = 1; ; page += 1) {
    const paged = { ...args, ...(from === undefined ? {} : { from }) };
    const run = await fleet.order(host, 'audit.read', paged, {
      signal: context.signal,
      timing: context.timing,
    });
    for await (const event of run.events()) watch.onEvent(event);
    const outcome: OrderOutcome<'audit.read'> = await run.outcome;
    const answer = answerOf(host, 'audit.read', outcome);
    json.push(...answer.json);
    const result = outcome.is === 'receipt' ? outcome.result : undefined;
    if (outcome.is !== 'receipt' || result === undefined) return { answer: { ...answer, json }, read: false };
    entries.push(...result.entries);
    if (!all || result.next === undefined || page >= MAX_PAGES) {
      const whole = { ...outcome, result: { ...result, entries } };
      return { answer: { ...answerOf(host, 'audit.read', whole), json }, read: true };
    }
    from = result.next;
  }
}

/** The log, and whether it still holds all that was seen of it before. */
function auditWork(context: Context, args: ArgsOf<'audit.read'>, all: boolean): HostWork {
  return async (fleet, host, watch) => {
    const { answer, read } = await readLog(context, args, all, fleet, host, watch);
    if (!read || answer.code !== EXIT.done) return answer;
    const { lines, reports, holds } = await checkAudit(context, host);
    const kept = reports.map(({ key, chain, audit }) => ({ key, chain, audit }));
    return {
      code: holds ? answer.code : EXIT.failed,
      lines: [...answer.lines, ...(holds ? [] : ['THE LOG OR ITS RECEIPTS DO NOT HOLD']), ...lines],
      json: [...answer.json, jsonLine('audit', { host, holds, kept })],
    };
  };
}

/** audit: reads a device's log, and checks it against the receipts kept here. */
export function addAuditCommand(program: Command, run: Run): void {
  program
    .command('audit')
    .description('read the audit log of devices, and check it against what was seen of it before')
    .argument('<hosts>', 'host, range, list or @group')
    .option('--from <n>', 'first entry')
    .option('--limit <n>', 'so many entries')
    .option('--all', 'all entries that the device still has')
    .action((hosts: string, o: AuditOptions) =>
      run(async (context) => {
        const args = {
          ...(o.from === undefined
            ? {}
            : { from: parseCount(o.from, 'entry number', 0, Number.MAX_SAFE_INTEGER) }),
          ...(o.limit === undefined ? {} : { limit: parseCount(o.limit, 'number of entries', 1, 100_000) }),
        };
        return runOnHosts(context, await context.hosts(hosts), auditWork(context, args, o.all === true));
      }),
    );
}
