export { type ConsoleStatus, helpCommand, statusCommand } from './commands.ts';
export { drawQr } from './draw-qr.ts';
export { type Joined, type JoinedTerminal, joinHost } from './host/join.ts';
export { ConsoleLog } from './host/log.ts';
export { logLines } from './host/log-lines.ts';
export { HostUart } from './host/uart.ts';
export { LineEditor, type LineWish } from './line-editor.ts';
export { loginCommand, logoutCommand, Seat } from './login.ts';
export { menuCommand } from './menu.ts';
export { fold, paged, sevenBits } from './paper.ts';
export {
  type ConsoleCommand,
  ConsoleSession,
  type ConsoleSessionOptions,
  Interrupted,
  LeftConsole,
  type Talk,
} from './session.ts';
export { PLAIN_TERMINAL, type Terminal, terminalCommand } from './terminal.ts';
export type { Mark, OfferedFile } from './transfer-blocks.ts';
export type { TakenLine } from './transfer-line.ts';
export { type UnlockParts, unlockCommand } from './unlock.ts';
export { readWords } from './words.ts';
export type { ZmodemFile } from './zmodem/index.ts';

/** What moves files over a line, loaded where one is to be moved. */
export const loadTransfers = () => import('./transfer-engines.ts');
