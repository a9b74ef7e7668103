import { setSessionPrivilegeLevel } from '../commands/set-session-privilege-level.ts';
import { IpmiCompletion } from '../faults.ts';
import { quirkNeeded } from './quirks.ts';
import type { IpmiSession } from './session.ts';
import type { Level } from './set-up.ts';

const UNKNOWN_COMMAND = 0xc1;

/** Gives a session another privilege level; it begins at "user". */
export async function raiseLevel(session: IpmiSession, level: Level, signal: AbortSignal): Promise<void> {
  if (session.quirks.use('no-set-privilege')) return;
  const { name, netFn, code, repeatable, codes } = setSessionPrivilegeLevel;
  const data = setSessionPrivilegeLevel.encode({ level });
  const question = { name, netFn, command: code, data, repeatable };
  const { completion } = await session.ask(question, signal);
  if (completion === UNKNOWN_COMMAND) throw quirkNeeded('no-set-privilege', name);
  if (completion !== 0) throw new IpmiCompletion(name, completion, codes);
}
