import { ByteView, fromUtf8Lossy } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { encrypted } from './container.ts';
import type { Finding } from './volume-probe.ts';

/** Where LUKS2 may keep its second header: right behind the first, whose length is one of these. */
const SECOND_AT = [0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000];
const HEADER = 512;
const OWN_OFFSET_AT = 256;

/** By a header of LUKS1 or LUKS2 (cryptsetup, on-disk format specifications, chapters 2). */
export function lookAtLuks(header: Uint8Array): Finding {
  const version = new ByteView(header, 'LUKS header').u16be(6);
  const field = (at: number, length: number): string =>
    fromUtf8Lossy(header.subarray(at, at + length)).replace(/\0.*$/su, '');
  return encrypted('luks', `LUKS${version}`, {
    label: version === 2 ? field(24, 48) : '',
    uuid: field(168, 40),
  });
}

/** LUKS2 whose first header is gone: cryptsetup opens it by its second, so it is not an empty volume. */
export async function lookForSecondLuksHeader(
  device: BlockDevice,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  const header = new Uint8Array(HEADER);
  for (const at of SECOND_AT) {
    if (at + HEADER > device.capabilities.size) return undefined;
    await device.read(at, header, signal);
    const isOne = Buffer.from(header.subarray(0, 6)).toString('latin1') === 'SKUL\xba\xbe';
    if (!isOne || new ByteView(header, 'LUKS header').u64be(OWN_OFFSET_AT) !== BigInt(at)) continue;
    const found = lookAtLuks(header);
    return {
      ...found,
      notes: ['the first LUKS header is damaged; the second one, which is a copy, is whole'],
    };
  }
  return undefined;
}
