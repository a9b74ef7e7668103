import { equalBytes, refuse, type Verdict } from '../../base/index.ts';
import { isKnownTestKey, judgeFirmware, KNOWN_TEST_KEYS } from '../../firmware/index.ts';
import type { ArgsOf, FirmwareManifest } from '../../protocol/index.ts';
import { openFirmware, publicKeyFromText, publicKeyText } from '../../security/index.ts';
import type { OwnFirmware } from './own-firmware.ts';

/**
 * What the order brings, judged before a byte of it is asked for: signed by a key that counts here, for this board, not older
 * than what is accepted, fitting, and the bytes that the order names.
 */
export function judgeUpdate(
  { manifest, size, sha256 }: ArgsOf<'agent.update'>,
  { rules, keys, release, book }: Pick<OwnFirmware, 'rules' | 'keys' | 'release' | 'book'>,
): Verdict<FirmwareManifest> {
  const counting = release ? keys.filter((key) => !isKnownTestKey(publicKeyText(key))) : keys;
  const opened = openFirmware(manifest, counting);
  if (!opened.ok) return release && isTestSigned(manifest) ? refuse('FIRMWARE_TEST_KEY') : opened;
  const judged = judgeFirmware(opened.value, { ...rules, floor: book.record.floor });
  if (!judged.ok) return judged;
  const [part, ...more] = opened.value.parts;
  if (part === undefined || more.length > 0)
    return refuse('FIRMWARE_INVALID', 'A slot of this board holds one part; this firmware has more.');
  if (part.size !== size || !equalBytes(part.sha256, sha256))
    return refuse('FIRMWARE_INVALID', 'The bytes that the order names are not those of the manifest.');
  return opened;
}

function isTestSigned(manifest: Uint8Array): boolean {
  return openFirmware(manifest, KNOWN_TEST_KEYS.map(publicKeyFromText)).ok;
}
