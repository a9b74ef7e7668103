import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemClock } from '../../adapters/system-clock.ts';
import { NsError } from '../../base/index.ts';
import {
  bothSizes,
  checkNeedle,
  findAll,
  parseBytes,
  parseCount,
  parseKind,
  parseMoment,
  parseNeedle,
  parsePlace,
  parseSize,
} from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, type HostWork, runOnHosts } from './run.ts';
import { flag } from './wipe.ts';

const MAX_LIMIT = 1_000_000;
const HASH_BYTES = 32;

export interface FindOptions {
  readonly name?: string;
  readonly iname?: string;
  readonly type?: string;
  readonly size?: readonly string[];
  readonly newer?: string;
  readonly older?: string;
  readonly sha256?: string;
  readonly contains?: string;
  readonly maxDepth?: string;
  readonly limit?: string;
  readonly long?: true;
  readonly staleOk?: true;
}

/** `file:PATH` keeps what is searched for out of the command line, which others on this machine can see. */
async function needleOf(text: string): Promise<Uint8Array> {
  if (!text.startsWith('file:')) return parseNeedle(text);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(text.slice(5));
  } catch (error) {
    throw new NsError('NS_USAGE', `${text.slice(5)} cannot be read`, { family: 'caller', cause: error });
  }
  return checkNeedle(new Uint8Array(bytes));
}

export async function findArgs(place: string, o: FindOptions): Promise<ArgsOf<'file.find'>> {
  const now = systemClock.wallSeconds();
  const sizes = (o.size ?? []).map(parseSize);
  return {
    ...parsePlace(place),
    ...(o.name === undefined ? {} : { name: o.name }),
    ...(o.iname === undefined ? {} : { iname: o.iname }),
    ...(o.type === undefined ? {} : { kind: parseKind(o.type) }),
    ...(sizes.length === 0 ? {} : { size: sizes.reduce(bothSizes) }),
    ...(o.newer === undefined ? {} : { newer: parseMoment(o.newer, now) }),
    ...(o.older === undefined ? {} : { older: parseMoment(o.older, now) }),
    ...(o.sha256 === undefined ? {} : { sha256: parseBytes(o.sha256, 'SHA-256', HASH_BYTES) }),
    ...(o.contains === undefined ? {} : { contains: await needleOf(o.contains) }),
    ...(o.maxDepth === undefined ? {} : { maxDepth: parseCount(o.maxDepth, 'depth', 0, 128) }),
    ...flag('staleOk', o.staleOk),
  };
}

/** Fetches all pages, or as many matches as were asked for; what is shown is the sum, with the last receipt. */
function searching(context: Context, args: ArgsOf<'file.find'>, limit: number, long: boolean): HostWork {
  return async (fleet, host, watch) => {
    const json: string[] = [];
    const outcome = await findAll(fleet, host, args, limit, {
      signal: context.signal,
      timing: context.timing,
      onEvent: watch.onEvent,
      onPage: (page) => json.push(...answerOf(host, 'file.find', page, { long }).json),
    });
    return { ...answerOf(host, 'file.find', outcome, { long }), json };
  };
}

/** find. */
export function addFindCommand(program: Command, run: Run): void {
  program
    .command('find')
    .description(
      'search the disk of hosts that are down; they search it themselves, and only matches leave them',
    )
    .argument('<hosts>', 'host, range, list or @group')
    .argument('<path>', '[VOLUME:]/DIRECTORY; links below it are not followed')
    .option('--name <glob>', 'the last name fits this pattern; * fits a leading dot too')
    .option('--iname <glob>', 'the same, whatever the case of letters')
    .option('--type <f|d|l>', 'files, directories or links')
    .option(
      '--size <size>',
      'files of more than +10M, less than -1k, exactly =512 bytes; twice for both bounds',
      (size: string, all: readonly string[] | undefined) => [...(all ?? []), size],
    )
    .option('--newer <time>', 'changed after: 2h (ago), 2026-11-21T03:15:14Z, or seconds since 1970')
    .option('--older <time>', 'changed before')
    .option('--sha256 <hex>', 'files with these contents')
    .option('--contains <bytes>', 'files with these bytes in them: text, hex:0a1b, or file:PATH here')
    .option('--max-depth <n>', 'so many levels below the directory; 0 is itself')
    .option('--limit <n>', 'stop after so many matches')
    .option('-l, --long', 'mode, owner, size and time too')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action((hosts: string, path: string, o: FindOptions) =>
      run(async (context) => {
        const args = await findArgs(path, o);
        const limit = o.limit === undefined ? MAX_LIMIT : parseCount(o.limit, 'limit', 1, MAX_LIMIT);
        const names = await context.hosts(hosts);
        return runOnHosts(context, names, searching(context, args, limit, o.long === true));
      }),
    );
}
