import { getSelTime } from '../../commands/get-sel-time.ts';
import { getSelTimeUtcOffset } from '../../commands/get-sel-time-utc-offset.ts';
import { setSelTime } from '../../commands/set-sel-time.ts';
import { setSelTimeUtcOffset } from '../../commands/set-sel-time-utc-offset.ts';
import { le16, le32 } from '../../wire/bits.ts';
import type { BmcCommand } from '../command.ts';
import type { SelStore } from '../sel-store.ts';
import { OPERATOR, serve, USER_OR_HOST, valid } from './serve.ts';

/** The log's clock keeps UTC. */
const UTC = 0;
const UNSPECIFIED_TIME = 0xffff_ffff;

/**
 * The log's clock (IPMI 2.0, 31.10-31.11b). An operator may set it, and it dates the log's records; nothing else in a
 * Nightshift machine goes by it. The host may not: it could date what is said of it.
 */
export function selTimeCommands(sel: SelStore): readonly BmcCommand[] {
  return [
    serve(getSelTime, USER_OR_HOST, 0, () => le32(sel.now())),
    serve(setSelTime, OPERATOR, 4, (data) => {
      const time = data.u32le(0);
      valid(time !== UNSPECIFIED_TIME);
      sel.setTime(time);
      return [];
    }),
    serve(getSelTimeUtcOffset, USER_OR_HOST, 0, () => le16(UTC)),
    serve(setSelTimeUtcOffset, OPERATOR, 2, (data) => {
      valid(data.u16le(0) === UTC);
      return [];
    }),
  ];
}
