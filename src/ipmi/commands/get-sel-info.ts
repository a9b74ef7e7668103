import { type BmcSeconds, type Command, NOTHING } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 31.2. */
export interface SelInfo {
  /** "1.5": of the log's commands, also with IPMI 2.0. */
  readonly version: string;
  readonly entries: number;
  readonly freeBytes: number;
  readonly lastAddition: BmcSeconds;
  readonly lastErase: BmcSeconds;
  /** Events were lost for lack of space. */
  readonly overflow: boolean;
  readonly canDelete: boolean;
  readonly canReserve: boolean;
}

export const getSelInfo: Command<void, SelInfo> = {
  name: 'Get SEL Info',
  netFn: NET_FN.storage,
  code: 0x40,
  level: 'user',
  repeatable: true,
  codes: { 129: 'the log is being erased' },
  encode: () => NOTHING,
  decode(data) {
    const [version, support] = [data.u8(0), data.u8(13)];
    return {
      version: `${version & 0x0f}.${version >> 4}`,
      entries: data.u16le(1),
      freeBytes: data.u16le(3),
      lastAddition: data.u32le(5),
      lastErase: data.u32le(9),
      overflow: bit(support, 7),
      canDelete: bit(support, 3),
      canReserve: bit(support, 1),
    };
  },
};
