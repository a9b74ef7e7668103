import type { ChainLink } from '../../src/ports/index.ts';
import type { FisPipe } from '../../src/sata-chain/index.ts';

/** What happens to one FIS on its way. */
export type Mishap = 'lost' | 'repeated' | 'garbled' | 'late' | undefined;

export interface PipePair {
  readonly host: FisPipe;
  readonly device: FisPipe;
  /** Asked for each FIS sent; 'late' overtakes nothing that was sent before, but is overtaken by the next one. */
  mishap: (fis: Uint8Array, to: 'host' | 'device') => Mishap;
  cut(): void;
  restore(): void;
  /** What went through, by first byte. */
  readonly sent: { readonly host: number[]; readonly device: number[] };
  /** Brings junk to one end, as if the other had sent it. */
  inject(to: 'host' | 'device', fis: Uint8Array): void;
  /** Most bytes under way at once. */
  readonly most: { host: number; device: number };
}

/** Both ends of a pipe in memory: one FIS a turn of the event loop each way, and room for `capacity` of them. */
export function pipePair(options: { capacity?: number; largest?: number } = {}): PipePair {
  const capacity = options.capacity ?? 8;
  let connected = true;
  const connection = new Set<(connected: boolean) => void>();
  const make = (to: 'host' | 'device') => {
    const listeners = new Set<(fis: Uint8Array) => void>();
    const rooms = new Set<() => void>();
    let queue: Uint8Array[] = [];
    let held: Uint8Array | undefined;
    let moving = false;
    const wake = (): void => {
      for (const room of rooms) room();
      rooms.clear();
    };
    const move = (): void => {
      if (moving) return;
      moving = true;
      setImmediate(() => {
        moving = false;
        const next = queue.shift();
        if (next !== undefined) for (const listener of listeners) listener(next);
        if (queue.length > 0) move();
        wake();
      });
    };
    const put = (fis: Uint8Array): void => {
      queue.push(fis);
      if (held !== undefined) queue.push(held);
      held = undefined;
      pair.most[to] = Math.max(
        pair.most[to],
        queue.reduce((sum, one) => sum + one.byteLength, 0),
      );
      move();
    };
    const send = (fis: Uint8Array): boolean => {
      if (!connected || queue.length >= capacity) return false;
      if (fis.byteLength > (options.largest ?? 65_536)) throw new Error('larger than the pipe takes');
      pair.sent[to].push(fis[0]!);
      const mishap = pair.mishap(fis, to);
      if (mishap === 'lost') return true;
      if (mishap === 'late') {
        if (held !== undefined) put(fis);
        else held = fis;
        return true;
      }
      put(mishap === 'garbled' ? fis.map((byte, at) => (at % 3 === 1 ? byte ^ 0x5a : byte)) : fis);
      if (mishap === 'repeated') put(fis);
      return true;
    };
    const drop = (): void => {
      queue = [];
      held = undefined;
      wake();
    };
    const room = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        if (connected && queue.length < capacity) {
          resolve();
          return;
        }
        const stop = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', stop, { once: true });
        rooms.add(() => {
          signal.removeEventListener('abort', stop);
          resolve();
        });
      });
    return { listeners, send, room, drop, put };
  };
  const toHost = make('host');
  const toDevice = make('device');
  const end = (out: ReturnType<typeof make>, into: ReturnType<typeof make>): FisPipe => ({
    largest: options.largest ?? 65_536,
    send: out.send,
    room: out.room,
    onFis(listener) {
      into.listeners.add(listener);
      return () => into.listeners.delete(listener);
    },
    onConnection(listener) {
      connection.add(listener);
      listener(connected);
      return () => connection.delete(listener);
    },
  });
  const pair: PipePair = {
    host: end(toDevice, toHost),
    device: end(toHost, toDevice),
    mishap: () => undefined,
    cut() {
      connected = false;
      toHost.drop();
      toDevice.drop();
      for (const listener of connection) listener(false);
    },
    restore() {
      connected = true;
      for (const listener of connection) listener(true);
    },
    sent: { host: [], device: [] },
    inject: (to, fis) => (to === 'host' ? toHost : toDevice).put(fis),
    most: { host: 0, device: 0 },
  };
  return pair;
}

/** The FIS channel of a link as it is: frames that the link loses are lost. */
export function fisPipe(link: ChainLink): FisPipe {
  return {
    largest: link.capabilities.largestFrame,
    send: (bytes) => link.send({ channel: 'fis', bytes }),
    room: (signal) => link.room(signal),
    onFis: (listener) =>
      link.onFrame((frame) => {
        if (frame.channel === 'fis') listener(frame.bytes);
      }),
    onConnection: (listener) => link.onConnection(listener),
  };
}
