import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 34.2. Offset and count are of bytes or words, as Get FRU Inventory Area Info says. May give fewer. */
export const readFruData: Command<
  { readonly device: number; readonly offset: number; readonly count: number },
  Uint8Array
> = {
  name: 'Read FRU Data',
  netFn: NET_FN.storage,
  code: 0x11,
  level: 'user',
  repeatable: true,
  codes: { 129: 'the FRU device is busy' },
  encode: ({ device, offset, count }) =>
    Uint8Array.of(
      within(device, 0, 0xfe, 'the FRU device id'),
      ...le16(within(offset, 0, 0xffff, 'the offset')),
      within(count, 1, 0xff, 'the count'),
    ),
  // The first byte counts bytes or words; what came is what counts.
  decode(data) {
    data.u8(0);
    return data.slice(1, data.length - 1);
  },
};
