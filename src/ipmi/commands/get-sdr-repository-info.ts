import { type BmcSeconds, type Command, NOTHING } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 33.9. */
export interface SdrRepositoryInfo {
  readonly version: string;
  readonly records: number;
  /** Bytes; "more" than 64 KiB, or not told. */
  readonly free: number | 'more' | undefined;
  readonly lastAddition: BmcSeconds;
  readonly lastErase: BmcSeconds;
  readonly overflow: boolean;
  readonly canReserve: boolean;
}

const MORE = 0xfffe;
const NOT_TOLD = 0xffff;

export const getSdrRepositoryInfo: Command<void, SdrRepositoryInfo> = {
  name: 'Get SDR Repository Info',
  netFn: NET_FN.storage,
  code: 0x20,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const [version, free, support] = [data.u8(0), data.u16le(3), data.u8(13)];
    return {
      version: `${version & 0x0f}.${version >> 4}`,
      records: data.u16le(1),
      free: free === NOT_TOLD ? undefined : free === MORE ? 'more' : free,
      lastAddition: data.u32le(5),
      lastErase: data.u32le(9),
      overflow: bit(support, 7),
      canReserve: bit(support, 1),
    };
  },
};
