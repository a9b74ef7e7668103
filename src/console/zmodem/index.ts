export type { ZmodemFile } from './file-info.ts';
export type { ZmodemOptions } from './options.ts';
export { receiveZmodem, type ZmodemSink } from './receive.ts';
export { sendZmodem, type ZmodemSent, type ZmodemSource } from './send.ts';
export { type ZmodemLine, ZmodemTalk } from './talk.ts';
