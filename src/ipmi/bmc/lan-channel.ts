import { THIS_CHANNEL } from '../commands/channel.ts';
import { Completion } from './command.ts';
import { COMPLETION } from './dispatch.ts';

/** Number of the LAN channel, and of the system interface (IPMI 2.0, table 6-1). */
export const LAN_CHANNEL = 1;
export const SYSTEM_INTERFACE = 0x0f;

/** For commands of the LAN channel alone: a byte whose lower half names another one gets CCh. */
export function checkLanChannel(byte: number): void {
  const channel = byte & 0x0f;
  if (channel !== THIS_CHANNEL && channel !== LAN_CHANNEL) throw new Completion(COMPLETION.invalidField);
}
