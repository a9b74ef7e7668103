import { IpmiCompletion } from '../faults.ts';
import { NET_FN } from '../wire/message.ts';
import { quirkNeeded } from './quirks.ts';
import type { IpmiSession } from './session.ts';
import { LEVEL, type Level } from './set-up.ts';

const NAME = 'Set Session Privilege Level';
const SET_PRIVILEGE = 0x3b;
const UNKNOWN_COMMAND = 0xc1;
/** Completion codes of its own (IPMI 2.0, 22.18). */
const REFUSED_LEVELS = {
  128: 'this user does not have that level',
  129: 'the level is above the limit of the user or of the channel',
};

/** Gives a session another privilege level; it begins at "user". */
export async function raiseLevel(session: IpmiSession, level: Level, signal: AbortSignal): Promise<void> {
  if (session.quirks.use('no-set-privilege')) return;
  const question = {
    name: NAME,
    netFn: NET_FN.app,
    command: SET_PRIVILEGE,
    data: Uint8Array.of(LEVEL[level]),
    repeatable: true,
  };
  const { completion } = await session.ask(question, signal);
  if (completion === UNKNOWN_COMMAND) throw quirkNeeded('no-set-privilege', NAME);
  if (completion !== 0) throw new IpmiCompletion(NAME, completion, REFUSED_LEVELS);
}
