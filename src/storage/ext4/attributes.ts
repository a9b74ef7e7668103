import { allow, crc32cRaw, fromUtf8, KiB, MiB, refuse, type Verdict } from '../../base/index.ts';
import type { ExtendedAttribute, FileExtras } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import {
  blockAttributes,
  entryHashes,
  inodeAttributes,
  isInlineData,
  type StoredAttribute,
} from './attribute-entries.ts';
import { contentsOf } from './contents.ts';
import { INCOMPAT } from './features.ts';
import { type Ext4Inode, INODE_FLAG } from './inode.ts';
import { aclToLinux } from './posix-acl.ts';
import type { Ext4Volume } from './volume.ts';

/** What names of each index begin with. Of others, and of the context of an encrypted file, Linux shows none. */
const PREFIXES: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
  7: 'system.',
  8: 'system.richacl',
};
const ACLS = [2, 3];
/** Longest value that Linux gives to a program (XATTR_SIZE_MAX). */
const LONGEST_VALUE = 64 * KiB;
/** Values of one file together. Only a volume with values in inodes of their own can hold more. */
const MOST_BYTES = MiB;

/** What an inode carries beside its contents. `what` names it for people. */
export async function extrasOf(
  volume: Ext4Volume,
  inode: Ext4Inode,
  what: string,
  signal?: AbortSignal,
): Promise<Verdict<FileExtras>> {
  const xattrs = new Map<string, ExtendedAttribute>();
  let bytes = 0;
  for (const stored of await storedAttributes(volume, inode, signal)) {
    const prefix = PREFIXES[stored.index];
    if (prefix === undefined || isInlineData(stored)) continue;
    const rest = fromUtf8(stored.name);
    if (rest === undefined) {
      return refuse('FILE_UNSUPPORTED', `${what} has an extended attribute whose name is not UTF-8.`);
    }
    const name = `${prefix}${rest}`;
    // As Linux does, the one in the inode counts.
    if (xattrs.has(name)) continue;
    bytes += stored.size;
    if (bytes > MOST_BYTES) {
      return refuse('FILE_UNSUPPORTED', `${what} has more than ${MOST_BYTES} bytes of extended attributes.`);
    }
    const value = Uint8Array.from(await storedValue(volume, stored, signal));
    xattrs.set(name, { name, value: ACLS.includes(stored.index) ? aclToLinux(value) : value });
  }
  const { atime, birth, allocated } = inode;
  return allow({
    atime,
    ...(birth === undefined ? {} : { birth }),
    allocated,
    xattrs: [...xattrs.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  });
}

async function storedAttributes(
  volume: Ext4Volume,
  { extra, attributeBlock, number }: Ext4Inode,
  signal?: AbortSignal,
): Promise<StoredAttribute[]> {
  const inside = inodeAttributes(extra, `the attributes of inode ${number}`);
  if (attributeBlock === 0) return inside;
  const block = await volume.block(attributeBlock, `inode ${number}`, signal);
  const { superblock, metadataCsum } = volume.layout;
  return [...inside, ...blockAttributes(superblock, metadataCsum, attributeBlock, block)];
}

async function storedValue(
  volume: Ext4Volume,
  stored: StoredAttribute,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { valueInode, size } = stored;
  if (size > LONGEST_VALUE) throw corrupt(`an extended attribute has ${size} bytes`);
  if (valueInode === 0) return stored.value;
  const { incompat, checksumSeed } = volume.layout.superblock;
  if ((incompat & INCOMPAT.eaInode) === 0)
    throw corrupt('an attribute is kept in an inode, which is not in use here');
  const holder = await volume.inode(valueInode, signal);
  if (holder.kind !== 'file' || (holder.flags & INODE_FLAG.eaInode) === 0 || holder.size !== size) {
    throw corrupt(`inode ${valueInode} does not hold the attribute that it should`);
  }
  const value = new Uint8Array(size);
  await contentsOf(volume, holder)(0, value, signal);
  const hash = crc32cRaw(checksumSeed, value);
  if (hash !== holder.rawAtime || !entryHashes(stored.name, hash).includes(stored.hash)) {
    throw corrupt(`the hash of the attribute in inode ${valueInode} does not fit`);
  }
  return value;
}
