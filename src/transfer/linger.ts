import { milliseconds } from '../base/index.ts';
import type { Clock, Stop } from '../ports/index.ts';
import type { BlockPort } from './block-port.ts';

const EVERY = milliseconds(2000);
const TIMES = 15;

/**
 * Says `end` once more for every chunk that still comes, and now and then without being asked, because the first may
 * be lost and the sender would wait. Ends by itself after half a minute.
 */
export function lingerAtEnd(id: Uint8Array, port: BlockPort, clock: Clock): Stop {
  let times = 0;
  const say = (): void => {
    times += 1;
    if (times > TIMES) {
      stop();
      return;
    }
    // A lost one is what the next is for.
    port.send({ t: 'end', id }).catch(() => undefined);
  };
  const stopListening = port.onMessage(id, (message) => {
    if (message.t === 'data' || message.t === 'none') say();
  });
  const stopTimer = clock.every(EVERY, say);
  const stop = (): void => {
    stopListening();
    stopTimer();
  };
  say();
  return stop;
}
