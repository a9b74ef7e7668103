import { fromHex, NsError, utf8 } from '../../base/index.ts';
import { type UserKey, userKey } from './rakp.ts';

/** A text has at most 20 bytes: 40 digits behind "0x" are never one. */
const DIGITS = /^0x[0-9a-fA-F]{40}$/;
const KEY_SIZE = 20;

/** A BMC's own key (Kg) as people write it: a text of 1 to 20 bytes, or "0x" and 40 digits. NS_IPMI_ARGUMENT otherwise. */
export function bmcKeyFrom(text: string): UserKey {
  if (DIGITS.test(text)) return fromHex(text.slice(2));
  const key = utf8(text);
  if (key.byteLength >= 1 && key.byteLength <= KEY_SIZE) return userKey(key);
  throw new NsError(
    'NS_IPMI_ARGUMENT',
    "a BMC's own key (Kg) is a text of 1 to 20 bytes, or 0x and 40 digits",
    {
      family: 'caller',
    },
  );
}
