import { concatBytes } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 34.3. Gives how much was written: of bytes or words, as Get FRU Inventory Area Info says. */
export const writeFruData: Command<
  { readonly device: number; readonly offset: number; readonly data: Uint8Array },
  number
> = {
  name: 'Write FRU Data',
  netFn: NET_FN.storage,
  code: 0x12,
  level: 'operator',
  repeatable: false,
  codes: { 128: 'that part of the FRU device is write-protected', 129: 'the FRU device is busy' },
  encode: ({ device, offset, data }) =>
    concatBytes(
      Uint8Array.of(
        within(device, 0, 0xfe, 'the FRU device id'),
        ...le16(within(offset, 0, 0xffff, 'the offset')),
      ),
      data,
    ),
  decode: (data) => data.u8(0),
};
