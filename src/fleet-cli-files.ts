import type { Command } from 'commander';
import { localSink, openLocalFile, placeFor } from './adapters/operator-files.ts';
import { NsError } from './base/index.ts';
import {
  baseName,
  type ExitCode,
  type OrderOutcome,
  parseBytes,
  parseMode,
  parseOwner,
  parsePlace,
  parseTime,
  sized,
} from './fleet/index.ts';
import type { Context } from './fleet-cli-context.ts';
import { answerOf, type HostWork, runOnHosts, simpleOrder } from './fleet-cli-run.ts';
import type { ArgsOf, ResultOf } from './protocol/index.ts';

/** Runs a command and keeps its exit code. */
export type Run = (work: (context: Context) => Promise<ExitCode>) => Promise<void>;

const EFFECT_BYTES = 32;
/** All puts together keep this much on its way to the broker. */
const SEND_BYTES = 8 * 1024 * 1024;
const LARGEST_SEND_WINDOW = 3 * 1024 * 1024;
const SMALLEST_SEND_WINDOW = 256 * 1024;
/** A listing is fetched in pages; no more of them than this. */
const MAX_PAGES = 200;

interface WriteOptions {
  readonly dryRun?: true;
  readonly replay?: true;
  readonly approve?: string;
}

const flag = <K extends string>(key: K, on: boolean | undefined): { readonly [P in K]?: true } =>
  (on === true ? { [key]: true } : {}) as { readonly [P in K]?: true };

const effectOf = (options: WriteOptions): { readonly effect?: Uint8Array } =>
  options.approve === undefined ? {} : { effect: parseBytes(options.approve, 'effect hash', EFFECT_BYTES) };

function addGet(program: Command, run: Run): void {
  program
    .command('get')
    .description('fetch a file from the disk of hosts that are down')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH on the host')
    .argument('[local]', 'file or directory here; several hosts: LOCAL/HOST/NAME')
    .option('--replace', 'replace a local file of that name')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action((hosts: string, path: string, local: string | undefined, o: { replace?: true; staleOk?: true }) =>
      run(async (context) => {
        const place = parsePlace(path);
        const name = baseName(place.path);
        if (name === undefined)
          throw new NsError('NS_USAGE', `"${path}" names no file`, { family: 'caller' });
        const names = await context.hosts(hosts);
        const work: HostWork = async (fleet, host, watch) => {
          const many = names.length > 1;
          const target = await placeFor(local, host, name, { many, replace: o.replace === true });
          const sink = localSink(target, { replace: o.replace === true });
          const args = { ...place, ...flag('staleOk', o.staleOk) };
          const options = { signal: context.signal, timing: context.timing, ...watch };
          const { outcome, file, fault } = await fleet.get(host, args, sink, options);
          const resumed =
            file !== undefined && file.resumedAt > 0 ? `, went on at ${sized(file.resumedAt)}` : '';
          return answerOf(
            host,
            'file.upload',
            outcome,
            {},
            {
              ...(fault === undefined ? {} : { fault }),
              ...(file === undefined
                ? {}
                : { file: { path: target, ...file }, lines: [`stored as ${target}${resumed}`] }),
            },
          );
        };
        return runOnHosts(context, names, work);
      }),
    );
}

interface PutOptions extends WriteOptions {
  readonly mode?: string;
  readonly owner?: string;
  readonly mtime: string;
  readonly replace?: true;
  readonly parents?: true;
}

function addPut(program: Command, run: Run): void {
  program
    .command('put')
    .description('put a file on the disk of hosts that are down: wholly there, or not at all')
    .argument('<local>', 'file here')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH on the host; with a "/" at its end, the local name is added')
    .option('--mode <octal>', 'permissions, such as 0644')
    .option('--owner <uid:gid>', 'owner and group, as numbers')
    .option('--mtime <time>', '"keep" (the local file\'s), "now", seconds since 1970, or an ISO date', 'keep')
    .option('--replace', 'replace a file of that name')
    .option('--parents', 'make missing directories')
    .option('--replay', 'replay a dirty journal first')
    .option('--dry-run', 'say what would change, and write nothing')
    .option('--approve <hash>', 'write only if the effect is this one')
    .action((local: string, hosts: string, path: string, o: PutOptions) =>
      run(async (context) => {
        const names = await context.hosts(hosts);
        const place = parsePlace(path.endsWith('/') ? path + (baseName(local) ?? '') : path);
        const file = await openLocalFile(local, context.signal);
        const args = {
          ...place,
          ...(o.mode === undefined ? {} : { mode: parseMode(o.mode) }),
          ...(o.owner === undefined ? {} : parseOwner(o.owner)),
          // A time of its own makes the effect of a dry run the effect of the real one.
          ...(o.mtime === 'now' ? {} : { mtime: parseTime(o.mtime, file.mtime) }),
          ...flag('replace', o.replace),
          ...flag('parents', o.parents),
          ...flag('replay', o.replay),
          ...flag('dryRun', o.dryRun),
        };
        const share = Math.floor(SEND_BYTES / names.length);
        const sendWindow = Math.max(SMALLEST_SEND_WINDOW, Math.min(LARGEST_SEND_WINDOW, share));
        const options = { signal: context.signal, timing: context.timing, sendWindow, ...effectOf(o) };
        const work: HostWork = async (fleet, host, watch) => {
          const { outcome, fault } = await fleet.put(host, args, file, { ...options, ...watch });
          return answerOf(host, 'file.download', outcome, {}, fault === undefined ? {} : { fault });
        };
        try {
          return await runOnHosts(context, names, work);
        } finally {
          await file.close();
        }
      }),
    );
}

function addRemove(program: Command, run: Run): void {
  program
    .command('rm')
    .description('delete files on the disk of hosts that are down')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH; *, ? and [ ] are patterns')
    .option('-r, --recursive', 'also directories and all in them')
    .option('--literal', 'take *, ? and [ as plain letters')
    .option('--replay', 'replay a dirty journal first')
    .option('--dry-run', 'say what would change, and write nothing')
    .option('--approve <hash>', 'delete only if the effect is this one')
    .action((hosts: string, path: string, o: WriteOptions & { recursive?: true; literal?: true }) =>
      run(async (context) => {
        const args: ArgsOf<'file.delete'> = {
          ...parsePlace(path),
          ...flag('recursive', o.recursive),
          ...flag('literal', o.literal),
          ...flag('replay', o.replay),
          ...flag('dryRun', o.dryRun),
        };
        return runOnHosts(
          context,
          await context.hosts(hosts),
          simpleOrder(context, 'file.delete', args, effectOf(o)),
        );
      }),
    );
}

/** Fetches all pages of a listing; what is shown is the sum, with the last receipt. */
function listing(context: Context, args: ArgsOf<'file.list'>, long: boolean): HostWork {
  return async (fleet, host, watch) => {
    const json: string[] = [];
    const entries: ResultOf<'file.list'>['entries'] = [];
    let after: string | undefined;
    for (let page = 0; ; page += 1) {
      const paged = { ...args, ...(after === undefined ? {} : { after }) };
      const run = await fleet.order(host, 'file.list', paged, {
        signal: context.signal,
        timing: context.timing,
      });
      for await (const event of run.events()) watch.onEvent(event);
      const outcome: OrderOutcome<'file.list'> = await run.outcome;
      const result = outcome.is === 'receipt' ? outcome.result : undefined;
      const answer = answerOf(host, 'file.list', outcome, { long });
      json.push(...answer.json);
      if (outcome.is !== 'receipt' || result === undefined) return { ...answer, json };
      entries.push(...result.entries);
      if (result.next === undefined || result.next === after || page + 1 >= MAX_PAGES) {
        const whole = { ...outcome, result: { ...result, entries } };
        return { ...answerOf(host, 'file.list', whole, { long }), json };
      }
      after = result.next;
    }
  };
}

function addList(program: Command, run: Run): void {
  program
    .command('ls')
    .description('list a directory or a pattern on the disk of hosts that are down')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH; *, ? and [ ] are patterns')
    .option('-l, --long', 'mode, owner, size and time too')
    .option('-r, --recursive', 'directories below too')
    .option('--literal', 'take *, ? and [ as plain letters')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action(
      (hosts: string, path: string, o: { long?: true; recursive?: true; literal?: true; staleOk?: true }) =>
        run(async (context) => {
          const args = {
            ...parsePlace(path),
            ...flag('recursive', o.recursive),
            ...flag('literal', o.literal),
            ...flag('staleOk', o.staleOk),
          };
          return runOnHosts(context, await context.hosts(hosts), listing(context, args, o.long === true));
        }),
    );
}

function addStat(program: Command, run: Run): void {
  program
    .command('stat')
    .description('show the facts about one file on the disk of hosts that are down')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH')
    .option('--no-follow', 'of a symbolic link, the link itself')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action((hosts: string, path: string, o: { follow: boolean; staleOk?: true }) =>
      run(async (context) => {
        const args = { ...parsePlace(path), ...flag('noFollow', !o.follow), ...flag('staleOk', o.staleOk) };
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'file.stat', args));
      }),
    );
}

/** get, put, rm, ls, stat. */
export function addFileCommands(program: Command, run: Run): void {
  addGet(program, run);
  addPut(program, run);
  addRemove(program, run);
  addList(program, run);
  addStat(program, run);
}
