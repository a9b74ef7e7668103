export type { ZmodemFile } from './file-info.ts';
export { receiveZmodem, type ZmodemSink } from './receive.ts';
export { sendZmodem, type ZmodemSent, type ZmodemSource } from './send.ts';
