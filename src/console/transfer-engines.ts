export { OfferedFile } from './transfer-blocks.ts';
export { withTransferLine } from './transfer-line.ts';
export { receiveXmodem } from './xmodem/receive.ts';
export { sendXmodem } from './xmodem/send.ts';
export { receiveZmodem, sendZmodem } from './zmodem/index.ts';
