import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

const INITIATE = 0xaa;
const GET_STATUS = 0x00;

/** IPMI 2.0, 31.9. "erase" begins it, under a fresh reservation; "ask" tells how far it is. */
export const clearSel: Command<
  { readonly reservation: number; readonly what: 'erase' | 'ask' },
  { readonly done: boolean }
> = {
  name: 'Clear SEL',
  netFn: NET_FN.storage,
  code: 0x47,
  level: 'operator',
  // An erase asked for twice under one reservation is refused the second time.
  repeatable: false,
  encode: ({ reservation, what }) =>
    Uint8Array.of(
      ...le16(within(reservation, 0, 0xffff, 'the reservation')),
      ...Buffer.from('CLR'),
      what === 'erase' ? INITIATE : GET_STATUS,
    ),
  decode: (data) => ({ done: (data.u8(0) & 0x0f) === 1 }),
};
