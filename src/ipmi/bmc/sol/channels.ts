import { THIS_CHANNEL } from '../../commands/channel.ts';
import { Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { LAN_CHANNEL } from '../session/channel.ts';

/** SOL is on the LAN channel alone: a byte that names another one ends the command. */
export function checkChannel(byte: number): void {
  const channel = byte & 0x0f;
  if (channel !== THIS_CHANNEL && channel !== LAN_CHANNEL) throw new Completion(COMPLETION.invalidField);
}
