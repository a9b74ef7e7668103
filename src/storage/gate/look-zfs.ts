import { ByteView, NsError } from '../../base/index.ts';
import { opaque } from './container.ts';
import type { Finding, VolumeHead } from './volume-probe.ts';

/** The list of names and values in the first label of a ZFS device (XDR; OpenZFS, vdev_impl.h and nvpair.c). */
const LIST_AT = 16 * 1024;
const LIST_END = 72 * 1024;
const MOST_PAIRS = 64;
const STRING = 9;
const UINT64 = 8;

/** A member of a ZFS pool, by its name and identity. */
export function lookForZfs(head: VolumeHead): Finding | undefined {
  const view = new ByteView(head.bytes, 'ZFS label');
  // XDR, whatever the byte order of the host, then version 0 and unique names.
  if (view.u8(LIST_AT) !== 1 || view.u8(LIST_AT + 1) > 1) return undefined;
  if (view.u32be(LIST_AT + 4) !== 0 || view.u32be(LIST_AT + 8) !== 1) return undefined;
  const values = pairsOf(view);
  const name = values.get('name');
  const guid = values.get('pool_guid');
  if (!values.has('version') || typeof name !== 'string' || typeof guid !== 'bigint') return undefined;
  return opaque('zfs', 'a member of a ZFS pool', { label: name, uuid: guid.toString() });
}

function pairsOf(view: ByteView): Map<string, string | bigint> {
  const values = new Map<string, string | bigint>();
  try {
    let at = LIST_AT + 12;
    for (let count = 0; count < MOST_PAIRS; count += 1) {
      const size = view.u32be(at);
      if (size < 20 || at + size > LIST_END) break;
      const length = view.u32be(at + 8);
      const type = at + 12 + Math.ceil(length / 4) * 4;
      const name = view.ascii(at + 12, length);
      if (view.u32be(type) === STRING) values.set(name, view.ascii(type + 12, view.u32be(type + 8)));
      else if (view.u32be(type) === UINT64) values.set(name, view.u64be(type + 8));
      at += size;
    }
  } catch (error) {
    // A length that leads past the label: what came before it counts.
    if (!(error instanceof NsError)) throw error;
  }
  return values;
}
