import { createHash } from 'node:crypto';
import { concatBytes } from '../../src/base/index.ts';
import { firmwareHead } from '../../src/firmware/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { FirmwareManifest } from '../../src/protocol/index.ts';
import { signFirmware } from '../../src/security/index.ts';

export interface UpdateImage {
  /** As an order brings it. */
  readonly signed: Uint8Array;
  /** What follows it: what a slot is to hold. */
  readonly content: Uint8Array;
  readonly sha256: Uint8Array;
  /** All of it, as a file: BOARD-VERSION.nsfw. */
  readonly file: Uint8Array;
}

/** An update as the packer makes them, of any content: also of what will not start. */
export async function packUpdate(
  content: Uint8Array,
  key: KeyStore,
  what: Partial<FirmwareManifest> & Pick<FirmwareManifest, 'board' | 'version'>,
  holds: FirmwareManifest['parts'][number]['holds'] = 'app',
): Promise<UpdateImage> {
  const sha256 = new Uint8Array(createHash('sha256').update(content).digest());
  const signed = await signFirmware(
    {
      v: 1,
      rollback: 0,
      date: 1_790_000_000,
      parts: [{ holds, size: content.byteLength, sha256 }],
      ...what,
    },
    key,
  );
  return { signed, content, sha256, file: concatBytes(firmwareHead(signed), content) };
}
