import { ByteView } from '../base/index.ts';

/** POSIX ACLs in the form that Linux gives to programs (acl(5)): a version, then entries of tag, permissions, id. */
const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;
const TAG = { owner: 0x01, user: 0x02, owningGroup: 0x04, group: 0x08, mask: 0x10, others: 0x20 } as const;
const ONCE = [TAG.owner, TAG.owningGroup, TAG.others];
const KNOWN: readonly number[] = Object.values(TAG);

interface Entry {
  readonly at: number;
  readonly tag: number;
  readonly permissions: number;
}

function entriesOf(acl: Uint8Array): readonly Entry[] {
  const view = new ByteView(acl, 'an ACL');
  const entries: Entry[] = [];
  for (let at = HEADER; at + ENTRY <= acl.byteLength; at += ENTRY) {
    entries.push({ at, tag: view.u16le(at), permissions: view.u16le(at + 2) });
  }
  return entries;
}

/** Why these bytes are no ACL that Linux would take; undefined where they are one. */
export function aclFault(acl: Uint8Array): string | undefined {
  if (acl.byteLength < HEADER || new ByteView(acl).u32le(0) !== VERSION) return 'it has another version';
  if ((acl.byteLength - HEADER) % ENTRY !== 0) return 'it ends within an entry';
  const entries = entriesOf(acl);
  const count = (tag: number): number => entries.filter((entry) => entry.tag === tag).length;
  if (entries.some(({ tag, permissions }) => !KNOWN.includes(tag) || permissions > 7)) {
    return 'an entry is of no known kind';
  }
  if (entries.some(({ tag }, i) => i > 0 && tag < entries[i - 1]!.tag)) return 'its entries are out of order';
  if (ONCE.some((tag) => count(tag) !== 1)) return 'it does not name owner, group and others once each';
  const masks = count(TAG.mask);
  const named = count(TAG.user) + count(TAG.group);
  return masks > 1 || (named > 0 && masks === 0) ? 'it has no mask' : undefined;
}

/** The nine permission bits that a file with this ACL shows. */
export function aclMode(acl: Uint8Array): number {
  const of = (tag: number): number | undefined =>
    entriesOf(acl).find((entry) => entry.tag === tag)?.permissions;
  const group = of(TAG.mask) ?? of(TAG.owningGroup) ?? 0;
  return ((of(TAG.owner) ?? 0) << 6) | (group << 3) | (of(TAG.others) ?? 0);
}

/** The ACL as chmod leaves it: what the mode says of the group becomes the mask where there is one. */
export function aclWithMode(acl: Uint8Array, mode: number): Uint8Array {
  const changed = acl.slice();
  const view = new DataView(changed.buffer);
  const entries = entriesOf(acl);
  const group = entries.some(({ tag }) => tag === TAG.mask) ? TAG.mask : TAG.owningGroup;
  const bits = new Map<number, number>([
    [TAG.owner, mode >> 6],
    [group, mode >> 3],
    [TAG.others, mode],
  ]);
  for (const { at, tag } of entries) {
    const permissions = bits.get(tag);
    if (permissions !== undefined) view.setUint16(at + 2, permissions & 7, true);
  }
  return changed;
}
