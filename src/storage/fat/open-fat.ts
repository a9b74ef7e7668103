import { allow, ByteView, MiB, refuse, type Verdict } from '../../base/index.ts';
import type {
  BlockDevice,
  DirectoryEntry,
  FileExtras,
  FileStat,
  FileSystem,
  HostPath,
  OpenFile,
  VolumeFacts,
  VolumeLimits,
} from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { pathNames } from '../host-path.ts';
import { NodeFileSystem, type NodeReader } from '../node-file-system.ts';
import { type FatLayout, readLayout } from './boot-sector.ts';
import { chainContents } from './cluster-chain.ts';
import { type DirectoryPlace, directoryItems } from './directory.ts';
import { EARLIEST_TIME, type FatEntry, LATEST_TIME } from './dirent.ts';
import { FatEntries, inodeOfPlace } from './entries.ts';
import { foldName } from './fold-name.ts';
import { FatTable } from './table.ts';

const LIMITS: VolumeLimits = {
  caseless: true,
  owners: false,
  timeStep: 2,
  largestFile: 2 ** 32 - 1,
  symlinks: false,
  hardLinks: false,
  xattrs: false,
  holes: false,
};
/** A table up to this size is read through where its count of free clusters is not known. */
const COUNTED = 4 * MiB;

/** FAT keeps no owner and no mode; these are what Linux shows where nothing else is asked for. */
const MODE = { directory: 0o755, file: 0o644, readOnly: 0o444 } as const;
const ROOT_INODE = 1;

type FatNode = FatEntry | 'root';

class FatReader implements NodeReader<FatNode> {
  readonly #device: BlockDevice;
  readonly #table: FatTable;
  readonly #entries: FatEntries;

  constructor(device: BlockDevice, table: FatTable) {
    this.#device = device;
    this.#table = table;
    this.#entries = new FatEntries(device, table.layout.width === 32);
  }

  /** By long or short name, whatever the case of its letters. */
  async walk(path: HostPath, _follow: boolean, signal?: AbortSignal): Promise<Verdict<FatNode>> {
    let here: FatNode = 'root';
    for (const name of pathNames(path)) {
      signal?.throwIfAborted();
      if (here !== 'root' && here.kind !== 'directory') {
        return refuse('NOT_A_DIRECTORY', `Part of ${path} is not a directory.`);
      }
      const next: FatEntry | undefined = await this.#entry(placeOf(here), foldName(name), signal);
      if (next === undefined) return refuse('NO_SUCH_FILE', `There is no ${path}.`);
      here = next;
    }
    return allow(here);
  }

  async #entry(place: DirectoryPlace, folded: string, signal?: AbortSignal): Promise<FatEntry | undefined> {
    for await (const item of directoryItems(this.#device, this.#table, place, signal)) {
      if (item.is === 'label') continue;
      const { name, shortName } = item.entry;
      if (name === undefined) continue;
      if (foldName(name) === folded || foldName(shortName) === folded) return item.entry;
    }
    return undefined;
  }

  find(entry: DirectoryEntry, signal?: AbortSignal): Promise<FatNode> {
    return this.#entries.find(entry, signal);
  }

  stat(node: FatNode): FileStat {
    return statOf(node);
  }

  list(node: FatNode, what: string, signal?: AbortSignal): Verdict<AsyncIterable<DirectoryEntry>> {
    if (node !== 'root' && node.kind !== 'directory') {
      return refuse('NOT_A_DIRECTORY', `${what} is not a directory.`);
    }
    return allow(this.#entriesOf(placeOf(node), signal));
  }

  async *#entriesOf(place: DirectoryPlace, signal?: AbortSignal): AsyncGenerator<DirectoryEntry> {
    const items = directoryItems(this.#device, this.#table, place, signal);
    for (;;) {
      const item = await overHostileBytes(() => items.next());
      if (item.done === true) return;
      if (item.value.is === 'label') continue;
      const { name, rawName, at, kind } = item.value.entry;
      yield { name, rawName, inode: inodeOfPlace(at), kind };
    }
  }

  open(node: FatNode, what: string): Verdict<OpenFile> {
    if (node === 'root' || node.kind === 'directory') {
      return refuse('IS_A_DIRECTORY', `${what} is a directory.`);
    }
    const { first, size } = node;
    const read = chainContents(this.#device, this.#table, { first, size, what });
    return allow({
      stat: statOf(node),
      read: (offset, into, readSignal) => overHostileBytes(() => read(offset, into, readSignal)),
    });
  }

  extras(node: FatNode): Verdict<FileExtras> {
    return allow(extrasOf(node));
  }
}

function placeOf(entry: FatNode): DirectoryPlace {
  return entry === 'root' ? 'root' : { cluster: entry.first };
}

function statOf(entry: FatNode): FileStat {
  const owner = { uid: 0, gid: 0, links: 1 };
  if (entry === 'root') {
    const times = { mtime: EARLIEST_TIME, ctime: EARLIEST_TIME };
    return { kind: 'directory', inode: ROOT_INODE, size: 0, mode: MODE.directory, ...owner, ...times };
  }
  const { name, kind, at, size, mtime, ctime, readOnly } = entry;
  const mode = kind === 'directory' ? MODE.directory : readOnly ? MODE.readOnly : MODE.file;
  const named = name === undefined ? {} : { name };
  return { ...named, kind, inode: inodeOfPlace(at), size, mode, ...owner, mtime, ctime };
}

/** The attribute bits, in the form that ntfs-3g gives to those of NTFS; Linux's own driver has no name for them. */
function extrasOf(entry: FatNode): FileExtras {
  if (entry === 'root') return { xattrs: [] };
  const value = Uint8Array.of(entry.attributes, 0, 0, 0);
  return {
    ...(entry.atime === EARLIEST_TIME ? {} : { atime: entry.atime }),
    ...(entry.ctime === EARLIEST_TIME ? {} : { birth: entry.ctime }),
    xattrs: [{ name: 'system.dos_attrib', value }],
  };
}

/** What FAT32 says itself, if it can be; undefined where it says nothing. */
export async function countedFree(
  device: BlockDevice,
  { infoAt, clusters }: FatLayout,
  signal?: AbortSignal,
): Promise<number | undefined> {
  if (infoAt === undefined) return undefined;
  const bytes = new Uint8Array(512);
  await device.read(infoAt, bytes, signal);
  const info = new ByteView(bytes, 'information sector');
  if (info.u32le(0) !== 0x4161_5252 || info.u32le(484) !== 0x6141_7272) return undefined;
  const free = info.u32le(488);
  return free <= clusters ? free : undefined;
}

/** Undefined where telling would take reading a large table. */
async function freeClusters(
  device: BlockDevice,
  table: FatTable,
  layout: FatLayout,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const counted = layout.width === 32 ? await countedFree(device, layout, signal) : undefined;
  return counted ?? (layout.tableBytes <= COUNTED ? table.countFree(signal) : undefined);
}

/**
 * Opens a FAT12, FAT16 or FAT32 volume for reading, with long names. Nothing is ever written. Names are found whatever
 * their case; times are the local time of whoever wrote them. Throws NS_FS_CORRUPT or NS_FS_UNSUPPORTED.
 */
export async function openFat(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  return await overHostileBytes(async () => {
    const layout = await readLayout(device, signal);
    const table = new FatTable(device, layout);
    const free = await freeClusters(device, table, layout, signal);
    const facts: VolumeFacts = {
      type: 'vfat',
      label: layout.label,
      uuid: layout.uuid,
      blockSize: layout.clusterSize,
      size: layout.clusters * layout.clusterSize,
      ...(free === undefined ? {} : { free: free * layout.clusterSize }),
      lastWrite: EARLIEST_TIME,
      earliestTime: EARLIEST_TIME,
      latestTime: LATEST_TIME,
      limits: LIMITS,
    };
    return new NodeFileSystem(facts, new FatReader(device, table));
  });
}
