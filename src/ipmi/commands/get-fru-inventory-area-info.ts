import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 34.1. */
export const getFruInventoryAreaInfo: Command<
  { readonly device: number },
  {
    readonly bytes: number;
    /** Offsets and counts are then of 16-bit words. */
    readonly byWords: boolean;
  }
> = {
  name: 'Get FRU Inventory Area Info',
  netFn: NET_FN.storage,
  code: 0x10,
  level: 'user',
  repeatable: true,
  encode: ({ device }) => Uint8Array.of(within(device, 0, 0xfe, 'the FRU device id')),
  decode: (data) => ({ bytes: data.u16le(0), byWords: bit(data.u8(2), 0) }),
};
