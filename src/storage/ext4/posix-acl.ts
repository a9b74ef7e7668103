import { ByteView } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';

/** POSIX ACLs have two forms: as ext2, ext3 and ext4 store them, and as Linux gives them to programs (acl(5), xattr(7)). */
const STORED_VERSION = 1;
const LINUX_VERSION = 2;
const HEADER = 4;
const SHORT = 4;
const LONG = 8;
/** Entries that name a user or a group. */
const NAMED = [0x02, 0x08];
const TAGS = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20];
const NOBODY = 0xffff_ffff;

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/** An ACL as programs see it, from its stored form; throws NS_FS_CORRUPT. */
export function aclToLinux(stored: Uint8Array): Uint8Array {
  const view = new ByteView(stored, 'an ACL');
  if (view.u32le(0) !== STORED_VERSION) throw corrupt(`an ACL has version ${view.u32le(0)}`);
  const entries: AclEntry[] = [];
  for (let at = HEADER; at < stored.byteLength; ) {
    const tag = view.u16le(at);
    const named = NAMED.includes(tag);
    entries.push(checked({ tag, permissions: view.u16le(at + 2), id: named ? view.u32le(at + 4) : NOBODY }));
    at += named ? LONG : SHORT;
  }
  const linux = new Uint8Array(HEADER + entries.length * LONG);
  const out = new DataView(linux.buffer);
  out.setUint32(0, LINUX_VERSION, true);
  entries.forEach((entry, i) => {
    put(out, HEADER + i * LONG, entry);
    out.setUint32(HEADER + i * LONG + SHORT, entry.id, true);
  });
  return linux;
}

/** The inverse of `aclToLinux`; throws NS_FS_CORRUPT where this is no ACL. */
export function aclToStored(linux: Uint8Array): Uint8Array {
  const view = new ByteView(linux, 'an ACL');
  if (view.u32le(0) !== LINUX_VERSION) throw corrupt(`an ACL has version ${view.u32le(0)}`);
  const stored = new Uint8Array(linux.byteLength);
  const out = new DataView(stored.buffer);
  out.setUint32(0, STORED_VERSION, true);
  let end = HEADER;
  for (let at = HEADER; at < linux.byteLength; at += LONG) {
    const entry = checked({
      tag: view.u16le(at),
      permissions: view.u16le(at + 2),
      id: view.u32le(at + SHORT),
    });
    put(out, end, entry);
    end += SHORT;
    if (!NAMED.includes(entry.tag)) continue;
    out.setUint32(end, entry.id, true);
    end += SHORT;
  }
  return stored.subarray(0, end);
}

function checked(entry: AclEntry): AclEntry {
  if (!TAGS.includes(entry.tag)) throw corrupt(`an ACL has an entry of kind ${entry.tag}`);
  if (entry.permissions > 7) throw corrupt(`an ACL gives permissions ${entry.permissions}`);
  return entry;
}

function put(out: DataView, at: number, { tag, permissions }: AclEntry): void {
  out.setUint16(at, tag, true);
  out.setUint16(at + 2, permissions, true);
}
