import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 31.8. Under a fresh reservation; gives the id of the record that is gone. */
export const deleteSelEntry: Command<{ readonly reservation: number; readonly record: number }, number> = {
  name: 'Delete SEL Entry',
  netFn: NET_FN.storage,
  code: 0x46,
  level: 'operator',
  // The id may be another record's by the time of a second try.
  repeatable: false,
  codes: { 128: 'records of this type cannot be deleted', 129: 'the log is being erased' },
  encode: ({ reservation, record }) =>
    Uint8Array.of(
      ...le16(within(reservation, 0, 0xffff, 'the reservation')),
      ...le16(within(record, 0, 0xffff, 'the record id')),
    ),
  decode: (data) => data.u16le(0),
};
