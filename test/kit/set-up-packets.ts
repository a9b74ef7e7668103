import { toHex } from '../../src/base/index.ts';
import { hex } from './canned-carrier.ts';
import type { FakeConsole } from './datagram-net.ts';

/** Open Session Request for suite 17, with this id of the console's. */
export const openSession = (consoleSession: string, level = '00'): Uint8Array =>
  hex(
    `0600ff07 06 10 00000000 00000000 2000 07 ${level} 0000 ${consoleSession}
     00 0000 08 03 000000  01 0000 08 04 000000  02 0000 08 01 000000`,
  );

/** RAKP 1 for the session that the console was given last. */
export function rakp1(console: FakeConsole, name: string): Uint8Array {
  const id = toHex(console.heard.findLast((bytes) => bytes[5] === 0x11)!.subarray(24, 28));
  const user = Buffer.from(name);
  const size = (28 + user.byteLength).toString(16).padStart(2, '0');
  return hex(
    `0600ff07 06 12 00000000 00000000 ${size}00 07 000000 ${id} ${'5a'.repeat(16)} 14 0000
     ${user.byteLength.toString(16).padStart(2, '0')} ${toHex(user)}`,
  );
}

/** RMCP+ status of what the console heard last. */
export const statusOf = (console: FakeConsole): number => console.heard.at(-1)![17]!;
