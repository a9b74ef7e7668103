import type { ByteView } from '../../../../base/index.ts';
import { closeSession, getSessionInfo, setSessionPrivilegeLevel } from '../../../commands/index.ts';
import { LEVEL } from '../../../session/set-up.ts';
import { le16, nameOf } from '../../../wire/bits.ts';
import { type BmcCommand, type Caller, type CallerSession, Completion } from '../../command.ts';
import { serve, USER } from '../../commands/serve.ts';
import { COMPLETION } from '../../dispatch.ts';
import { LAN_CHANNEL } from '../../lan-channel.ts';
import type { LanChannel } from '../channel.ts';
import type { ConsoleSession } from '../console-session.ts';
import { ipv4Of } from '../peer.ts';
import type { SessionTable } from '../session-table.ts';

const LEVEL_NOT_AVAILABLE = 0x80;
const LEVEL_ABOVE_LIMIT = 0x81;
const INVALID_SESSION_ID = 0x87;
const INVALID_SESSION_HANDLE = 0x88;
const PRESENT_LEVEL = 0;
const OEM_LEVEL = 5;
const BY_HANDLE = 0xfe;
const BY_ID = 0xff;
const RMCP_PLUS = 0x10;

/** IPMI 2.0, 22.18. */
const setLevel = (): BmcCommand =>
  serve(setSessionPrivilegeLevel, USER, 1, (data, caller) => {
    const wanted = data.u8(0) & 0x0f;
    const { level: present, session } = userOf(caller);
    if (wanted === PRESENT_LEVEL) return [LEVEL[present]];
    if (wanted > OEM_LEVEL) throw new Completion(COMPLETION.invalidField);
    const level = nameOf(LEVEL, wanted);
    if (level === undefined) throw new Completion(LEVEL_NOT_AVAILABLE);
    if (wanted > LEVEL[session.limit]) throw new Completion(LEVEL_ABOVE_LIMIT);
    session.setLevel(level);
    return [wanted];
  });

/** 22.19. One's own at any level; another's as administrator. */
const close = ({ sessions }: LanChannel): BmcCommand =>
  serve(closeSession, USER, [4, 5], (data, caller) => {
    const id = data.u32le(0);
    const byHandle = id === 0;
    const target = byHandle ? sessions.withHandle(data.u8(4)) : sessions.get(id);
    const { session, level } = userOf(caller);
    const own = target?.handle === session.handle;
    if (!own && level !== 'administrator') throw new Completion(COMPLETION.privilege);
    if (target === undefined) throw new Completion(byHandle ? INVALID_SESSION_HANDLE : INVALID_SESSION_ID);
    if (own) session.close();
    else target.end('closed-by-another');
    return [];
  });

/** 22.20. */
const tell = ({ sessions }: LanChannel): BmcCommand =>
  serve(getSessionInfo, USER, [1, 5], (data, caller) => {
    const found = wantedOf(data, sessions, userOf(caller).session);
    const counts = [sessions.most, sessions.size];
    if (found === undefined) return [0, ...counts];
    const { handle, account, level, from } = found;
    return [
      ...[handle, ...counts, account.id, LEVEL[level], RMCP_PLUS | LAN_CHANNEL],
      ...addressOf(from.address),
      ...[0, 0, 0, 0, 0, 0],
      ...le16(from.port),
    ];
  });

export const sessionCommands = (channel: LanChannel): readonly BmcCommand[] => [
  setLevel(),
  close(channel),
  tell(channel),
];

function wantedOf(
  data: ByteView,
  sessions: SessionTable,
  current: CallerSession,
): ConsoleSession | undefined {
  const index = data.u8(0);
  if (index === 0) return sessions.withHandle(current.handle);
  if (index === BY_HANDLE) return sessions.withHandle(data.u8(1));
  if (index === BY_ID) return sessions.get(data.u32le(1));
  return sessions.nth(index);
}

/** Four bytes have no room for an address of IPv6. */
const addressOf = (address: string): readonly number[] =>
  ipv4Of(address)?.split('.').map(Number) ?? [0, 0, 0, 0];

function userOf(caller: Caller): Extract<Caller, { is: 'user' }> {
  if (caller.is !== 'user') throw new Completion(COMPLETION.wrongState);
  return caller;
}
