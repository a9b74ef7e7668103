import type { Command } from 'commander';
import { placeFor } from '../../adapters/operator-files.ts';
import type { Unpacked } from '../../adapters/unpack-tree.ts';
import { NsError } from '../../base/index.ts';
import { baseName, type Place, parsePlace } from '../../fleet/index.ts';
import { sized } from '../../show/index.ts';
import { type Fetched, fetchFile, fetchImage, fetchTree } from '../fetch-files.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, type HostAnswer, type HostWork, runOnHosts } from './run.ts';
import { flag } from './wipe.ts';

interface GetOptions {
  readonly replace?: true;
  readonly staleOk?: true;
  readonly recursive?: true;
  readonly tar?: true;
  readonly preserve?: true;
  readonly image?: true;
  readonly usedOnly?: true;
}

const SHOWN = 20;

/** The root of a volume has no name of its own; the volume's is made fit for a file. */
function nameOf({ path, volume }: Place, tree: boolean): string {
  const name = baseName(path) ?? (tree ? (volume ?? 'root').replace(/[^\w.=-]/g, '_') : undefined);
  if (name !== undefined) return name;
  throw new NsError('NS_USAGE', `"${path}" names no file`, { family: 'caller' });
}

function unpackedLines({ left, more, attributes }: Unpacked): string[] {
  const unseen = left.length - SHOWN + more;
  return [
    ...left.slice(0, SHOWN).map(({ path, why }) => `NOT MADE HERE: ${path}: ${why}`),
    ...(unseen > 0 ? [`… and ${unseen} more`] : []),
    ...(attributes === 0
      ? []
      : [
          `note: the extended attributes of ${attributes} are not set here; -p sets them, and --tar keeps them`,
        ]),
  ];
}

function answer(host: string, { outcome, file, fault, target, notKept = [], unpacked }: Fetched): HostAnswer {
  const resumed = file !== undefined && file.resumedAt > 0 ? `, went on at ${sized(file.resumedAt)}` : '';
  const faulty = fault === undefined ? {} : { fault };
  if (file === undefined) return answerOf(host, 'file.upload', outcome, {}, faulty);
  const more = {
    ...(notKept.length === 0 ? {} : { notKept }),
    ...(unpacked === undefined ? {} : { unpacked }),
  };
  return answerOf(
    host,
    'file.upload',
    outcome,
    {},
    {
      ...faulty,
      file: { path: target, ...file, ...more },
      lines: [
        `stored as ${target}${resumed}`,
        ...notKept.map((what) => `NOT KEPT HERE: ${what}`),
        ...(unpacked === undefined ? [] : unpackedLines(unpacked)),
      ],
    },
  );
}

function workOf(
  context: Context,
  place: Place,
  local: string | undefined,
  many: boolean,
  o: GetOptions,
): HostWork {
  const tree = o.recursive === true;
  const name = nameOf(place, tree) + (o.tar === true ? '.tar' : '');
  const replace = o.replace === true;
  const args = {
    ...place,
    ...flag('staleOk', o.staleOk),
    ...flag('tree', o.recursive),
    ...(tree ? {} : flag('xattrs', o.preserve)),
  };
  return async (fleet, host, watch) => {
    const target = await placeFor(local, host, name, { many, replace: replace && (!tree || o.tar === true) });
    const how = { replace, preserve: o.preserve === true };
    const options = { signal: context.signal, timing: context.timing, ...how, ...watch };
    const fetch = tree && o.tar !== true ? fetchTree : fetchFile;
    return answer(host, await fetch(fleet, host, args, target, options));
  };
}

function imageWorkOf(
  context: Context,
  volume: string,
  local: string | undefined,
  many: boolean,
  o: GetOptions,
): HostWork {
  if (volume.includes('/')) {
    throw new NsError('NS_USAGE', `"${volume}" is no disk or volume; write disk0 or disk0p2`, {
      family: 'caller',
    });
  }
  const name = `${volume.replace(/[^\w.=-]/g, '_')}.img`;
  const replace = o.replace === true;
  const args = { volume, ...flag('staleOk', o.staleOk), ...flag('usedOnly', o.usedOnly) };
  return async (fleet, host, watch) => {
    const target = await placeFor(local, host, name, { many, replace });
    const options = { signal: context.signal, timing: context.timing, replace, preserve: false, ...watch };
    const { outcome, file, fault, taken = 0 } = await fetchImage(fleet, host, args, target, options);
    const faulty = fault === undefined ? {} : { fault };
    if (file === undefined) return answerOf(host, 'volume.upload', outcome, {}, faulty);
    const resumed = file.resumedAt > 0 ? `, went on at ${sized(file.resumedAt)}` : '';
    const lines = [`stored as ${target}${resumed}; it takes ${sized(taken)} here, the rest is holes`];
    return answerOf(
      host,
      'volume.upload',
      outcome,
      {},
      { file: { path: target, ...file, taken }, lines, ...faulty },
    );
  };
}

export function addGet(program: Command, run: Run): void {
  program
    .command('get')
    .description(
      'fetch a file from the disk of hosts that are down, a directory and all in it, or a whole disk',
    )
    .argument('<hosts>', 'host, range, list or @group')
    .argument(
      '<path>',
      '[VOLUME:]/PATH on the host; with --image a disk or volume: disk0, disk0p2, LABEL=root',
    )
    .argument('[local]', 'file or directory here; several hosts: LOCAL/HOST/NAME')
    .option('-r, --recursive', 'the directory and all in it; symbolic links are not followed')
    .option('--tar', 'with -r: keep the archive that comes as NAME.tar, and do not unpack it')
    .option('-p, --preserve', 'set owners, set-id bits, ACLs and attributes here too, as far as we may')
    .option('--image', 'the whole disk or volume, bit by bit, as a file with holes')
    .option('--used-only', 'with --image: what filesystems count as free is zeros')
    .option('--replace', 'replace a local file of that name')
    .option('--stale-ok', 'take what a suspended or hibernated host last wrote')
    .action((hosts: string, path: string, local: string | undefined, o: GetOptions) =>
      run(async (context) => {
        if (o.recursive !== true && o.tar === true) {
          throw new NsError('NS_USAGE', '--tar goes with -r', { family: 'caller' });
        }
        if (o.image === true ? o.recursive === true : o.usedOnly === true) {
          throw new NsError('NS_USAGE', '--image goes without -r, and --used-only with --image', {
            family: 'caller',
          });
        }
        const names = await context.hosts(hosts);
        const many = names.length > 1;
        const work =
          o.image === true
            ? imageWorkOf(context, path, local, many, o)
            : workOf(context, parsePlace(path), local, many, o);
        return runOnHosts(context, names, work);
      }),
    );
}
