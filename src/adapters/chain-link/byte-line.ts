import type { SerialLine } from '../../ports/index.ts';

/** What a link needs of whatever carries its bytes: a serial line, or a socket that looks like one. */
export type ByteLine = Pick<SerialLine, 'name' | 'write' | 'room' | 'onData' | 'onHangUp' | 'close'>;
