import { fromUtf8Lossy } from '../../base/index.ts';
import type { BlockDevice, FileSystem, VolumeFacts, VolumeLimits } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { NodeFileSystem, type NodeReader } from '../node-file-system.ts';
import { listNode, openNode } from './entries.ts';
import { extrasOf } from './extras.ts';
import type { NtfsNode } from './node.ts';
import { openVolume } from './open-volume.ts';
import { nodeByReference, walkPath } from './path-walk.ts';
import { ATTRIBUTE, utf16 } from './records.ts';
import { SecurityDescriptors } from './security-index.ts';
import type { Upcase } from './upcase.ts';
import type { NtfsVolume } from './volume.ts';

const VOLUME_RECORD = 3;

function readerOf(volume: NtfsVolume, upcase: Upcase): NodeReader<NtfsNode> {
  const descriptors = new SecurityDescriptors(volume);
  return {
    walk: (path, follow, signal) => walkPath(volume, upcase, path, follow, signal),
    find: ({ inode, generation = 0, rawName }, signal) =>
      nodeByReference(volume, { record: inode, sequence: generation }, fromUtf8Lossy(rawName), signal),
    stat: ({ stat }) => stat,
    list: (node, what, signal) => listNode(volume, node, what, signal),
    open: (node, what, signal) => openNode(volume, node, what, signal),
    extras: (node, what, signal) => extrasOf(volume, descriptors, node, what, signal),
  };
}

/**
 * Opens an NTFS volume for reading. Nothing is ever written, and its log is not replayed. Names are found whatever their
 * case; compressed and sparse files are read, encrypted ones and those that Windows keeps in another form are refused
 * with FILE_UNSUPPORTED. Throws NS_FS_CORRUPT.
 */
export async function openNtfs(device: BlockDevice, signal?: AbortSignal): Promise<FileSystem> {
  return await overHostileBytes(async () => {
    const { volume, upcase } = await openVolume(device, signal);
    const { clusterSize, size, uuid } = volume.layout;
    const facts: VolumeFacts = {
      type: 'ntfs',
      label: await labelOf(volume, signal),
      uuid,
      blockSize: clusterSize,
      size,
      lastWrite: EARLIEST_TIME,
      earliestTime: EARLIEST_TIME,
      latestTime: LATEST_TIME,
      limits: LIMITS,
    };
    return new NodeFileSystem(facts, readerOf(volume, upcase));
  });
}

/** 1601-01-01, and as far as whole seconds can be told from there. */
const EARLIEST_TIME = -11_644_473_600;
const LATEST_TIME = 253_402_300_799;

/** As its writer has them; owners of Windows are none that an order could name. */
const LIMITS: VolumeLimits = {
  caseless: true,
  owners: false,
  timeStep: 1e-7,
  largestFile: 2 ** 44 - 2 ** 16,
  symlinks: false,
  hardLinks: true,
  xattrs: false,
  holes: false,
};

async function labelOf(volume: NtfsVolume, signal?: AbortSignal): Promise<string> {
  const { attributes } = await volume.record(VOLUME_RECORD, signal);
  const value = attributes.find(({ type }) => type === ATTRIBUTE.volumeName)?.value;
  return value !== undefined && 'resident' in value ? utf16(value.resident) : '';
}
