import { allow, ByteView, refuse, utf8, type Verdict } from '../base/index.ts';
import type { FirmwareManifest } from '../protocol/index.ts';

/**
 * A firmware image is one file: eight bytes that say so, the length of the signed manifest (32 bits, big endian), the
 * manifest, and its parts one behind the other.
 */
const MAGIC = utf8('NIGHTFW1');
export const FIRMWARE_HEAD = MAGIC.byteLength + 4;

/** The bytes before the parts. */
export function firmwareHead(signedManifest: Uint8Array): Uint8Array {
  const head = new Uint8Array(FIRMWARE_HEAD + signedManifest.byteLength);
  head.set(MAGIC);
  new DataView(head.buffer).setUint32(MAGIC.byteLength, signedManifest.byteLength);
  head.set(signedManifest, FIRMWARE_HEAD);
  return head;
}

/** How long the signed manifest is, from the first FIRMWARE_HEAD bytes; FIRMWARE_INVALID. */
export function manifestLength(head: Uint8Array, most: number): Verdict<number> {
  if (head.byteLength < FIRMWARE_HEAD || MAGIC.some((byte, index) => head[index] !== byte))
    return refuse('FIRMWARE_INVALID', 'This is not a firmware image.');
  const length = new ByteView(head).u32be(MAGIC.byteLength);
  if (length === 0 || length > most)
    return refuse('FIRMWARE_INVALID', `Its manifest would have ${length} bytes; ${most} is the most.`);
  return allow(length);
}

/** Where a part lies in the file. */
export interface PlacedPart {
  readonly holds: FirmwareManifest['parts'][number]['holds'];
  readonly offset: number;
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** Where the parts lie, and how long the whole file is. */
export function placeParts(
  manifest: FirmwareManifest,
  manifestBytes: number,
): { readonly parts: readonly PlacedPart[]; readonly size: number } {
  let offset = FIRMWARE_HEAD + manifestBytes;
  const parts = manifest.parts.map((part) => {
    const placed = { ...part, offset };
    offset += part.size;
    return placed;
  });
  return { parts, size: offset };
}
