import { rm } from 'node:fs/promises';
import { keepAttributes } from '../adapters/keep-attributes.ts';
import { localSink, takenBytes } from '../adapters/operator-files.ts';
import { type Unpacked, unpackTree } from '../adapters/unpack-tree.ts';
import { asNsError } from '../base/index.ts';
import type { Fleet, GetOutcome, TransferOptions } from '../fleet/index.ts';
import type { ArgsOf } from '../protocol/index.ts';

/** What was fetched, and where it is now. */
export interface Fetched extends GetOutcome {
  readonly target: string;
  /** What of the host's file could not be set on the one here. */
  readonly notKept?: readonly string[];
  readonly unpacked?: Unpacked;
}

export interface FetchOptions extends TransferOptions {
  /** A local file of that name is replaced. */
  readonly replace: boolean;
  /** Owners, set-id bits, ACLs and attributes too, as far as this machine lets us. */
  readonly preserve: boolean;
}

/** A file, with what its receipt says of it; where even that cannot be set, the file is there all the same. */
export async function fetchFile(
  fleet: Fleet,
  host: string,
  args: ArgsOf<'file.upload'>,
  target: string,
  { replace, preserve, ...options }: FetchOptions,
): Promise<Fetched> {
  const got = await fleet.get(host, args, localSink(target, { replace }), options);
  const facts = got.outcome.is === 'receipt' ? got.outcome.result?.file : undefined;
  // An archive is no file of the host.
  if (got.file === undefined || facts === undefined || args.tree === true) return { ...got, target };
  try {
    const notKept = await keepAttributes(target, facts, preserve);
    return { ...got, target, ...(notKept.length === 0 ? {} : { notKept }) };
  } catch (error) {
    return { ...got, target, fault: asNsError(error, 'NS_LOCAL_FILE') };
  }
}

/** A directory and all in it, whole or not at all; the archive that came is kept where it cannot be unpacked. */
export async function fetchTree(
  fleet: Fleet,
  host: string,
  args: ArgsOf<'file.upload'>,
  target: string,
  { preserve, replace: _replace, ...options }: FetchOptions,
): Promise<Fetched> {
  const archive = `${target}.nightshift-tree`;
  const whole = { ...args, tree: true };
  const got = await fleet.get(host, whole, localSink(archive, { replace: true }), options);
  if (got.file === undefined) return { ...got, target };
  try {
    const unpacked = await unpackTree(archive, target, { preserve, signal: options.signal });
    await rm(archive, { force: true });
    return { ...got, target, unpacked };
  } catch (error) {
    if (options.signal.aborted) throw error;
    return { ...got, target: archive, fault: asNsError(error, 'NS_LOCAL_FILE') };
  }
}

/** A whole disk or volume, as a file with holes; `taken` is how many bytes it takes here. */
export async function fetchImage(
  fleet: Fleet,
  host: string,
  args: ArgsOf<'volume.upload'>,
  target: string,
  { replace, preserve: _preserve, ...options }: FetchOptions,
): Promise<GetOutcome<'volume.upload'> & { readonly target: string; readonly taken?: number }> {
  const got = await fleet.getImage(host, args, localSink(target, { replace }), options);
  return { ...got, target, ...(got.file === undefined ? {} : { taken: await takenBytes(target) }) };
}
