import type { Command } from 'commander';
import { type ExitCode, listAll, parsePlace, sendWindowFor } from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { addGet } from './get.ts';
import { answerOf, type HostWork, runOnHosts, simpleOrder } from './run.ts';
import { type TreeOptions, whatToPut } from './tree.ts';
import {
  type DeskOptions,
  deskOf,
  effectOf,
  flag,
  type PutOptions,
  type RemoveOptions,
  removeArgs,
  WAIT,
  waitingFor,
  withDeskOptions,
  withPutOptions,
  withRemoveOptions,
} from './wipe.ts';

/** Runs a command and keeps its exit code. */
export type Run = (work: (context: Context) => Promise<ExitCode>) => Promise<void>;

function addPut(program: Command, run: Run): void {
  withDeskOptions(
    withPutOptions(
      program
        .command('put')
        .description(
          'put a file, or with -r a directory and all in it, on the disk of hosts that are down: wholly, or not at all',
        )
        .argument('<local>', 'file here; with -r a directory, or a tar archive')
        .argument('<hosts>', 'host, range, list or @group')
        .argument('<path>', '[VOLUME:]/PATH on the host; with a "/" at its end, the local name is added'),
    )
      .option(
        '-r, --recursive',
        'a directory and all in it, into the one named by PATH, which is made at need',
      )
      .option('--dry-run', 'say what would change, and write nothing')
      .option('--wait', WAIT),
  ).action((local: string, hosts: string, path: string, o: PutOptions & DeskOptions & TreeOptions) =>
    run(async (context) => {
      const names = await context.hosts(hosts);
      const { file, args } = await whatToPut(context, local, path, o);
      try {
        const { size, sha256 } = file;
        const order = { verb: 'file.download', args: { ...args, size, sha256 } } as const;
        const { signing, tokens } = await deskOf(
          context,
          `put ${o.recursive === true ? '-r ' : ''}${local} ${hosts} ${path}${o.replace === true ? ' --replace' : ''}`,
          order,
          names,
          o,
        );
        const waiting = waitingFor(context, args, o.wait);
        const options = {
          signal: context.signal,
          ...waiting,
          sendWindow: sendWindowFor(names.length),
          ...effectOf(o),
        };
        const work: HostWork = async (fleet, host, watch) => {
          const { outcome, fault, id } = await fleet.put(host, args, file, { ...options, ...watch });
          if (outcome.is === 'rejected' && outcome.refusal.code !== 'TOKEN_SPENT') await tokens?.release(id);
          return answerOf(host, 'file.download', outcome, {}, fault === undefined ? {} : { fault });
        };
        return await runOnHosts(context, names, work, signing);
      } finally {
        await file.close();
      }
    }),
  );
}

function addRemove(program: Command, run: Run): void {
  withDeskOptions(
    withRemoveOptions(
      program
        .command('rm')
        .description('delete files on the disk of hosts that are down')
        .argument('<hosts>', 'host, range, list or @group')
        .argument('<path>', '[VOLUME:]/PATH; *, ? and [ ] are patterns'),
    )
      .option('--dry-run', 'say what would change, and write nothing')
      .option('--wait', WAIT),
  ).action((hosts: string, path: string, o: RemoveOptions & DeskOptions) =>
    run(async (context) => {
      const args = removeArgs(path, o);
      const names = await context.hosts(hosts);
      const order = { verb: 'file.delete', args } as const;
      const { signing, tokens } = await deskOf(
        context,
        `rm ${hosts} ${path}${o.recursive === true ? ' -r' : ''}`,
        order,
        names,
        o,
      );
      const work = simpleOrder(context, 'file.delete', args, {
        ...effectOf(o),
        tokens,
        ...waitingFor(context, args, o.wait),
      });
      return runOnHosts(context, names, work, signing);
    }),
  );
}

/** Fetches all pages of a listing; what is shown is the sum, with the last receipt. */
function listing(context: Context, args: ArgsOf<'file.list'>, long: boolean): HostWork {
  return async (fleet, host, watch) => {
    const json: string[] = [];
    const outcome = await listAll(fleet, host, args, {
      signal: context.signal,
      timing: context.timing,
      onEvent: watch.onEvent,
      onPage: (page) => json.push(...answerOf(host, 'file.list', page, { long }).json),
    });
    return { ...answerOf(host, 'file.list', outcome, { long }), json };
  };
}

export interface ListOptions {
  readonly long?: true;
  readonly recursive?: true;
  readonly literal?: true;
  readonly staleOk?: true;
}

export function listArgs(path: string, o: ListOptions): ArgsOf<'file.list'> {
  return {
    ...parsePlace(path),
    ...flag('recursive', o.recursive),
    ...flag('literal', o.literal),
    ...flag('staleOk', o.staleOk),
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
    .action((hosts: string, path: string, o: ListOptions) =>
      run(async (context) => {
        const args = listArgs(path, o);
        return runOnHosts(context, await context.hosts(hosts), listing(context, args, o.long === true));
      }),
    );
}

export interface StatOptions {
  readonly follow: boolean;
  readonly staleOk?: true;
  readonly xattrs?: true;
}

export function statArgs(path: string, o: StatOptions): ArgsOf<'file.stat'> {
  return {
    ...parsePlace(path),
    ...flag('noFollow', !o.follow),
    ...flag('staleOk', o.staleOk),
    ...flag('xattrs', o.xattrs),
  };
}

function addStat(program: Command, run: Run): void {
  program
    .command('stat')
    .description('show the facts about one file on the disk of hosts that are down')
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/PATH')
    .option('--no-follow', 'of a symbolic link, the link itself')
    .option('--xattrs', 'also the values of extended attributes and ACLs')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action((hosts: string, path: string, o: StatOptions) =>
      run(async (context) => {
        const args = statArgs(path, o);
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
