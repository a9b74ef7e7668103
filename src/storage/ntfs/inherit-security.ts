import { ByteView, concatBytes } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';

/** Flags of an access control entry ([MS-DTYP] 2.4.4.1). */
const ACE = { files: 1, directories: 2, once: 4, inheritOnly: 8, inherited: 16 } as const;
const CONTROL = {
  dacl: 0x0004,
  sacl: 0x0010,
  daclInherited: 0x0400,
  saclInherited: 0x0800,
  selfRelative: 0x8000,
} as const;
const ACL_REVISION = 2;
const ACL_REVISION_OBJECTS = 4;
const LONGEST_ACL = 0xffff;
const HEADER = 20;

const sid = (authority: number, ...parts: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(8 + parts.length * 4);
  const view = new DataView(bytes.buffer);
  bytes.set([1, parts.length, 0, 0, 0, 0, 0, authority]);
  for (const [i, part] of parts.entries()) view.setUint32(8 + i * 4, part, true);
  return bytes;
};
const ADMINISTRATORS = sid(5, 32, 544);
const SYSTEM = sid(5, 18);
/** Stand for whoever makes what inherits them. */
const CREATOR_OWNER = Buffer.from(sid(3, 0)).toString('hex');
const CREATOR_GROUP = Buffer.from(sid(3, 1)).toString('hex');

const FULL = 0x001f_01ff;
/** What the generic rights of a mask mean for a file ([MS-DTYP] 2.4.3, winnt.h). */
const GENERIC: readonly (readonly [bit: number, rights: number])[] = [
  [0x8000_0000, 0x0012_0089],
  [0x4000_0000, 0x0012_0116],
  [0x2000_0000, 0x0012_00a0],
  [0x1000_0000, FULL],
];

interface Entry {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  readonly rest: Uint8Array;
}

/**
 * What Windows would give to a file or directory that SYSTEM makes in a directory with this descriptor ([MS-DTYP] 2.5.3.4): the
 * entries that are to be inherited, and where there are none full access for SYSTEM and administrators. Throws
 * NS_FS_CORRUPT.
 */
export function inheritedSecurity(parent: Uint8Array | undefined, directory: boolean): Uint8Array {
  const dacl = parent === undefined ? [] : heirs(aclOf(parent, 16), directory);
  const sacl = parent === undefined ? [] : heirs(aclOf(parent, 12), directory);
  const own = [SYSTEM, ADMINISTRATORS].map((rest) => ({ type: 0, flags: 0, mask: FULL, rest }));
  return descriptor(dacl.length === 0 ? own : dacl, sacl);
}

function aclOf(descriptor: Uint8Array, field: number): readonly Entry[] {
  const view = new ByteView(descriptor, 'security descriptor');
  const at = view.u32le(field);
  const present = view.u16le(2) & (field === 16 ? CONTROL.dacl : CONTROL.sacl);
  if (at === 0 || present === 0) return [];
  const entries: Entry[] = [];
  const end = at + view.u16le(at + 2);
  let next = at + 8;
  for (let left = view.u16le(at + 4); left > 0; left -= 1) {
    const size = view.u16le(next + 2);
    if (size < 8 || next + size > end) throw corrupt('an access list makes no sense');
    entries.push({
      type: view.u8(next),
      flags: view.u8(next + 1),
      mask: view.u32le(next + 4),
      rest: view.slice(next + 8, size - 8).slice(),
    });
    next += size;
  }
  return entries;
}

function heirs(entries: readonly Entry[], directory: boolean): Entry[] {
  return entries.flatMap((entry) => (directory ? ofDirectory(entry) : ofFile(entry)));
}

function ofFile(entry: Entry): Entry[] {
  return (entry.flags & ACE.files) === 0 ? [] : [effective(entry, ACE.inherited)];
}

/** An entry for directories takes effect and goes on; one for files alone only goes on. */
function ofDirectory(entry: Entry): Entry[] {
  const { flags } = entry;
  const kept = flags & (ACE.files | ACE.directories);
  const goesOn = (flags & ACE.once) === 0;
  if ((flags & ACE.directories) === 0) {
    const forFiles = kept !== 0 && goesOn;
    return forFiles ? [{ ...entry, flags: kept | ACE.inheritOnly | ACE.inherited }] : [];
  }
  const here = effective(entry, ACE.inherited);
  if (!goesOn) return [here];
  const same = here.mask === entry.mask && here.rest === entry.rest;
  if (same) return [{ ...entry, flags: kept | ACE.inherited }];
  return [here, { ...entry, flags: kept | ACE.inheritOnly | ACE.inherited }];
}

function effective(entry: Entry, flags: number): Entry {
  let { mask } = entry;
  for (const [bit, rights] of GENERIC) {
    if ((mask & bit) !== 0) mask = ((mask & ~bit) | rights) >>> 0;
  }
  // Entries of other layouts have more in front of the SID, and stay as they are.
  const who = entry.type <= 2 ? Buffer.from(entry.rest).toString('hex') : '';
  const rest = who === CREATOR_OWNER ? ADMINISTRATORS : who === CREATOR_GROUP ? SYSTEM : entry.rest;
  return { type: entry.type, flags, mask, rest };
}

function descriptor(dacl: readonly Entry[], sacl: readonly Entry[]): Uint8Array {
  const lists = { dacl: acl(dacl), sacl: sacl.length === 0 ? new Uint8Array(0) : acl(sacl) };
  const head = new Uint8Array(HEADER);
  const view = new DataView(head.buffer);
  const daclInherited = dacl.some(({ flags }) => (flags & ACE.inherited) !== 0) ? CONTROL.daclInherited : 0;
  const saclFlags = sacl.length === 0 ? 0 : CONTROL.sacl | CONTROL.saclInherited;
  view.setUint8(0, 1);
  view.setUint16(2, CONTROL.selfRelative | CONTROL.dacl | daclInherited | saclFlags, true);
  const saclAt = HEADER;
  const daclAt = saclAt + lists.sacl.byteLength;
  const ownerAt = daclAt + lists.dacl.byteLength;
  view.setUint32(4, ownerAt, true);
  view.setUint32(8, ownerAt + ADMINISTRATORS.byteLength, true);
  view.setUint32(12, sacl.length === 0 ? 0 : saclAt, true);
  view.setUint32(16, daclAt, true);
  return concatBytes(head, lists.sacl, lists.dacl, ADMINISTRATORS, SYSTEM);
}

function acl(entries: readonly Entry[]): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  const body = concatBytes(...entries.map(ace));
  const size = head.byteLength + body.byteLength;
  if (size > LONGEST_ACL) throw corrupt('an access list is too long');
  view.setUint8(0, entries.some(({ type }) => type >= 5 && type <= 8) ? ACL_REVISION_OBJECTS : ACL_REVISION);
  view.setUint16(2, size, true);
  view.setUint16(4, entries.length, true);
  return concatBytes(head, body);
}

function ace({ type, flags, mask, rest }: Entry): Uint8Array {
  const bytes = new Uint8Array(8 + rest.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set([type, flags]);
  view.setUint16(2, bytes.byteLength, true);
  view.setUint32(4, mask, true);
  bytes.set(rest, 8);
  return bytes;
}
