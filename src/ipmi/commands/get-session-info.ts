import { toHex } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { le32 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** Which session: the one that asks, the nth active one, or one by its handle or its id at the BMC. */
export type SessionWanted =
  | { readonly is: 'current' }
  | { readonly is: 'nth'; readonly n: number }
  | { readonly is: 'handle'; readonly handle: number }
  | { readonly is: 'id'; readonly id: number };

export interface ActiveSession {
  readonly handle: number;
  readonly user: number;
  /** 2 user, 3 operator, 4 administrator. */
  readonly level: number;
  readonly channel: number;
  readonly rmcpPlus: boolean;
  /** Over a LAN: whose it is. */
  readonly from: { readonly address: string; readonly mac: string; readonly port: number } | undefined;
}

/** IPMI 2.0, 22.20. */
export interface SessionInfo {
  readonly most: number;
  readonly active: number;
  /** Undefined where no such session is active. */
  readonly session: ActiveSession | undefined;
}

export const getSessionInfo: Command<SessionWanted, SessionInfo> = {
  name: 'Get Session Info',
  netFn: NET_FN.app,
  code: 0x3d,
  level: 'user',
  repeatable: true,
  encode(wanted) {
    if (wanted.is === 'current') return Uint8Array.of(0);
    if (wanted.is === 'nth') return Uint8Array.of(within(wanted.n, 1, 0xfd, 'the place'));
    if (wanted.is === 'handle') return Uint8Array.of(0xfe, within(wanted.handle, 0, 0xff, 'the handle'));
    return Uint8Array.of(0xff, ...le32(wanted.id));
  },
  decode(data) {
    const [handle, most, active] = [data.u8(0), data.u8(1) & 0x3f, data.u8(2) & 0x3f];
    if (handle === 0 || data.length < 6) return { most, active, session: undefined };
    const channel = data.u8(5);
    const from =
      data.length < 18
        ? undefined
        : {
            address: data.slice(6, 4).join('.'),
            mac: toHex(data.slice(10, 6)).replace(/(..)(?!$)/g, '$1:'),
            port: data.u16le(16),
          };
    const session = {
      handle,
      user: data.u8(3) & 0x3f,
      level: data.u8(4) & 0x0f,
      channel: channel & 0x0f,
      rmcpPlus: channel >> 4 === 1,
      from,
    };
    return { most, active, session };
  },
};
