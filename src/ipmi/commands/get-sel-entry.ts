import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** Record ids that stand for the log's ends. */
export const FIRST_RECORD = 0x0000;
export const LAST_RECORD = 0xffff;
export const SEL_RECORD_SIZE = 16;

/** IPMI 2.0, 31.5: a whole record. `next` is LAST_RECORD behind the last one. */
export const getSelEntry: Command<
  { readonly record: number },
  { readonly next: number; readonly record: Uint8Array }
> = {
  name: 'Get SEL Entry',
  netFn: NET_FN.storage,
  code: 0x43,
  level: 'user',
  repeatable: true,
  codes: { 129: 'the log is being erased' },
  encode: ({ record }) => Uint8Array.of(0, 0, ...le16(within(record, 0, 0xffff, 'the record id')), 0, 0xff),
  decode: (data) => ({ next: data.u16le(0), record: data.slice(2, SEL_RECORD_SIZE) }),
};
