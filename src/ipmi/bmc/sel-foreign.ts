import { BMC_ADDRESS } from '../wire/message.ts';
import { type Caller, Completion } from './command.ts';

const EVENT = 0x02;
/** Ours alone: what a Nightshift machine did by order. */
const OWN_OEM = 0xc0;
const LAST_OEM = 0xff;
const GENERATOR_AT = 7;
/** Add SEL Entry's own code: not for this type of record. */
const TYPE_REFUSED = 0x80;

/** A controller's address is even. */
const IS_SOFTWARE = 0x01;

/** Software ids of system management software on the host, and of a remote console (IPMI 2.0, table 5-4). */
export const SOFTWARE = { host: 0x41, user: 0x81 } as const;

/**
 * A record that the host or an operator wants in the log. It cannot pass for one of the BMC's, nor the host's for one of a
 * remote console or another controller: such a generator becomes the software id of who sent it. The BMC's own type of record
 * is refused with 80h.
 */
export function foreignRecord(bytes: Uint8Array, caller: Caller): Uint8Array {
  const type = bytes[2]!;
  if (type !== EVENT && (type <= OWN_OEM || type > LAST_OEM)) throw new Completion(TYPE_REFUSED);
  const record = Uint8Array.from(bytes);
  const generator = record[GENERATOR_AT]!;
  if (type !== EVENT) return record;
  if (caller.is !== 'host') {
    if (generator === BMC_ADDRESS) record[GENERATOR_AT] = SOFTWARE.user;
  } else if ((generator & IS_SOFTWARE) === 0 || generator >= SOFTWARE.user) {
    record[GENERATOR_AT] = SOFTWARE.host;
  }
  return record;
}
