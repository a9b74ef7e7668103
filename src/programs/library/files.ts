import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalFile, placeFor } from '../../adapters/operator-files.ts';
import { packTree } from '../../adapters/pack-tree.ts';
import { NsError } from '../../base/index.ts';
import {
  baseName,
  findAll,
  type LocalSource,
  listAll,
  type PutArgs,
  parsePlace,
  sendWindowFor,
} from '../../fleet/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { fetchFile, fetchImage, fetchTree } from '../fetch-files.ts';
import { common, ended, type Hosts, launch, settleToken } from './give.ts';
import { type OrderControl, type WriteControl, writingArgs } from './options.ts';
import { type HostOutcome, NotAllSucceeded } from './outcome.ts';
import type { Run } from './run.ts';
import type { Site } from './site.ts';

export interface ReadControl extends OrderControl {
  /** Take what a suspended or hibernated host last wrote. */
  readonly staleOk?: boolean | undefined;
}

export interface GetOptions extends ReadControl {
  /**
   * Where it goes: a file, or a directory to be put into; the working directory where absent. With several hosts TO/HOST/NAME.
   */
  readonly to?: string | undefined;
  /** A local file of that name is replaced. */
  readonly replace?: boolean | undefined;
  /** The directory and all in it; symbolic links are not followed. */
  readonly recursive?: boolean | undefined;
  /** With `recursive`: keep the archive that comes, and do not unpack it. */
  readonly tar?: boolean | undefined;
  /** Owners, set-id bits, ACLs and attributes too, as far as this machine lets us. */
  readonly preserve?: boolean | undefined;
}

export interface ImageOptions extends ReadControl {
  readonly to?: string | undefined;
  readonly replace?: boolean | undefined;
  /** What filesystems count as free is zeros. */
  readonly usedOnly?: boolean | undefined;
}

/** A file that is here now, whole, with the hash that the device has signed. */
export interface LocalCopy {
  /** Where it is. */
  readonly path: string;
  readonly size: number;
  /** Of the file, or of the archive that came. */
  readonly sha256: Uint8Array;
  /** It went on where a transfer before had broken off. */
  readonly resumedAt: number;
  /** What of it is not as it is on the host. */
  readonly notKept: readonly string[];
}

export interface PutOptions extends WriteControl {
  /** Permissions, such as 0o644. */
  readonly mode?: number | undefined;
  readonly owner?: { readonly uid: number; readonly gid?: number | undefined } | undefined;
  /** "keep": the local file's, and the default for one; "now": the device's clock, and the default for bytes. */
  readonly mtime?: 'keep' | 'now' | Date | undefined;
  readonly replace?: boolean | undefined;
  /** Make missing directories. */
  readonly parents?: boolean | undefined;
  /** The source is a directory: it and all in it are put into the one named by the path. */
  readonly recursive?: boolean | undefined;
  /** Leave out what the filesystem there cannot keep; the receipt says so. */
  readonly lossy?: boolean | undefined;
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

const flag = <K extends string>(key: K, on: boolean | undefined): { readonly [P in K]?: true } =>
  (on === true ? { [key]: true } : {}) as { readonly [P in K]?: true };

export function listFiles(
  site: Site,
  hosts: Hosts,
  args: ArgsOf<'file.list'>,
  control: OrderControl,
): Run<ResultOf<'file.list'>> {
  const shared = common(site, hosts, control, 'file.list', async () => ({ verb: 'file.list', args }));
  return launch(site, shared.hosts, control, shared.stop, async (host, tell) => {
    const outcome = await listAll(site.engine, host, args, { ...shared.options, onEvent: tell.onEvent });
    return ended(site, host, 'file.list', outcome, (result) => result);
  });
}

export function findFiles(
  site: Site,
  hosts: Hosts,
  args: ArgsOf<'file.find'>,
  limit: number,
  control: OrderControl,
): Run<ResultOf<'file.find'>> {
  if (!Number.isInteger(limit) || limit < 1) throw usage(`limit: ${limit} is no number of matches`);
  const shared = common(site, hosts, control, 'file.find', async () => ({ verb: 'file.find', args }));
  return launch(site, shared.hosts, control, shared.stop, async (host, tell) => {
    const options = { ...shared.options, onEvent: tell.onEvent };
    const outcome = await findAll(site.engine, host, args, limit, options);
    return ended(site, host, 'file.find', outcome, (result) => result);
  });
}

export function getFiles(site: Site, hosts: Hosts, path: string, o: GetOptions): Run<LocalCopy> {
  const place = parsePlace(path);
  const tree = o.recursive === true;
  const name = baseName(place.path) ?? (tree ? 'root' : undefined);
  if (name === undefined) throw usage(`"${path}" names no file`);
  if (o.tar === true && !tree) throw usage('"tar" goes with "recursive"');
  const args = {
    ...place,
    ...flag('staleOk', o.staleOk),
    ...flag('tree', tree),
    ...(tree ? {} : flag('xattrs', o.preserve)),
  };
  const unpack = tree && o.tar !== true;
  const shared = common(site, hosts, o, 'file.upload', async () => ({ verb: 'file.upload', args }));
  const many = shared.hosts.length > 1;
  const replace = o.replace === true;
  return launch(site, shared.hosts, o, shared.stop, async (host, tell) => {
    const named = tree && !unpack ? `${name}.tar` : name;
    const target = await placeFor(o.to, host, named, { many, replace: replace && !unpack });
    const options = { ...shared.options, ...tell, replace, preserve: o.preserve === true };
    const got = await (unpack ? fetchTree : fetchFile)(site.engine, host, args, target, options);
    const left = got.unpacked?.left.map(({ path: what, why }) => `${what}: ${why}`) ?? [];
    const notKept = [...(got.notKept ?? []), ...left];
    const copy = got.file === undefined ? undefined : { path: got.target, ...got.file, notKept };
    return ended(site, host, 'file.upload', got.outcome, () => copy, got.fault);
  });
}

export function getImages(site: Site, hosts: Hosts, volume: string, o: ImageOptions): Run<LocalCopy> {
  if (volume.includes('/')) throw usage(`"${volume}" is no disk or volume; write disk0 or disk0p2`);
  const name = `${volume.replace(/[^\w.=-]/g, '_')}.img`;
  const args = { volume, ...flag('staleOk', o.staleOk), ...flag('usedOnly', o.usedOnly) };
  const shared = common(site, hosts, o, 'volume.upload', async () => ({ verb: 'volume.upload', args }));
  const how = { many: shared.hosts.length > 1, replace: o.replace === true };
  return launch(site, shared.hosts, o, shared.stop, async (host, tell) => {
    const target = await placeFor(o.to, host, name, how);
    const options = { ...shared.options, ...tell, replace: how.replace, preserve: false };
    const got = await fetchImage(site.engine, host, args, target, options);
    const copy = got.file === undefined ? undefined : { path: target, ...got.file, notKept: [] };
    return ended(site, host, 'volume.upload', got.outcome, () => copy, got.fault);
  });
}

/**
 * The contents of one file, in pieces. They come when all of it is here and has the hash that the device has signed: what is
 * given away was never another's. NotAllSucceeded where it does not come.
 */
export async function* readFrom(
  site: Site,
  host: string,
  path: string,
  o: ReadControl,
): AsyncGenerator<Uint8Array, HostOutcome<LocalCopy>, undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'nightshift-read-'));
  try {
    const outcome = await getFiles(site, host, path, { ...o, to: join(folder, 'file') }).only();
    if (outcome.is !== 'succeeded') throw new NotAllSucceeded([outcome]);
    for await (const piece of createReadStream(outcome.result.path)) {
      o.signal?.throwIfAborted();
      yield piece as Uint8Array;
    }
    return outcome;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Source = LocalSource & { readonly mtime?: number; readonly close?: () => Promise<void> };

function bytesAsSource(bytes: Uint8Array): Source {
  return {
    size: bytes.byteLength,
    sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
    read: async (offset, into) => into.set(bytes.subarray(offset, offset + into.byteLength)),
  };
}

function openSource(source: string | Uint8Array, o: PutOptions, signal: AbortSignal): Promise<Source> {
  if (typeof source !== 'string') return Promise.resolve(bytesAsSource(source));
  if (o.recursive !== true) return openLocalFile(source, signal);
  const owner = o.owner === undefined ? {} : { owner: ownerOf(o.owner) };
  return packTree(source, { ...owner, preserve: false, privileges: false, signal });
}

const ownerOf = ({ uid, gid }: NonNullable<PutOptions['owner']>): { uid: number; gid?: number } => ({
  uid,
  ...(gid === undefined ? {} : { gid }),
});

function mtimeOf({ mtime = 'keep' }: PutOptions, source: Source): { readonly mtime?: number } {
  if (mtime instanceof Date) return { mtime: Math.floor(mtime.getTime() / 1000) };
  return mtime === 'now' || source.mtime === undefined ? {} : { mtime: source.mtime };
}

/** NS_USAGE. */
function putArgsOf(path: string, o: PutOptions, source: Source): PutArgs {
  const common = {
    ...parsePlace(path),
    ...flag('replace', o.replace),
    ...flag('parents', o.parents),
    ...flag('lossy', o.lossy),
    ...writingArgs(o),
  };
  if (o.recursive === true) return { ...common, tree: true };
  return {
    ...common,
    ...(o.mode === undefined ? {} : { mode: o.mode }),
    ...(o.owner === undefined ? {} : ownerOf(o.owner)),
    ...mtimeOf(o, source),
  };
}

export function putFiles(
  site: Site,
  hosts: Hosts,
  path: string,
  source: string | Uint8Array,
  o: PutOptions,
): Run<ResultOf<'file.download'>> {
  if (o.recursive === true && (typeof source !== 'string' || o.mode !== undefined || o.mtime !== undefined))
    throw usage('"recursive" takes a directory, and neither "mode" nor "mtime"');
  parsePlace(path);
  const staged = writingArgs(o);
  let opening: Promise<Source> | undefined;
  const open = (): Promise<Source> => {
    opening ??= openSource(source, o, shared.stop.signal);
    return opening;
  };
  const order = async () => {
    const { size, sha256, ...rest } = await open();
    const args = { ...putArgsOf(path, o, { size, sha256, ...rest }), size, sha256 };
    return { verb: 'file.download', args } as const;
  };
  const shared = common(site, hosts, o, 'file.download', order, staged);
  const sendWindow = sendWindowFor(Math.min(shared.hosts.length, site.atOnce));
  const run = launch(site, shared.hosts, o, shared.stop, async (host, tell) => {
    const desk = await shared.desk();
    const file = await open();
    const options = { ...shared.options, ...desk.options, ...tell, sendWindow };
    const { id, outcome, fault } = await site.engine.put(host, putArgsOf(path, o, file), file, options);
    await settleToken(desk, outcome, id);
    return ended(site, host, 'file.download', outcome, (result) => result, fault);
  });
  const close = async (): Promise<void> => (await opening)?.close?.();
  run.then(close, close).catch(() => undefined);
  return run;
}
