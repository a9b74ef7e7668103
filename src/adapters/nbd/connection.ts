import type { Socket } from 'node:net';
import type { BufferPool } from './buffer-pool.ts';
import type { ExportGate, Offer } from './export-gate.ts';
import { shakeHands } from './handshake.ts';
import type { BlockSizes } from './option-codec.ts';
import { SocketStream } from './socket-stream.ts';
import { type NbdServerTls, secureAsServer } from './tls.ts';
import { type FlightLimits, serveRequests } from './transmission.ts';
import type { Wakefulness } from './wakefulness.ts';

/** What every connection of a server shares. */
export interface Service {
  readonly gate: ExportGate;
  readonly exportName: string;
  readonly blockSizes: BlockSizes;
  readonly tls: NbdServerTls | undefined;
  readonly handshakeMilliseconds: number;
  readonly holdMilliseconds: number;
  readonly flight: FlightLimits;
  readonly pool: BufferPool;
  readonly wakefulness: Wakefulness | undefined;
  readonly stop: AbortSignal;
}

/** For a peer that does not close after we did. */
const FAREWELL_MILLISECONDS = 1000;

/** Serves one client from its first byte to its last. Never rejects. */
export async function converse(socket: Socket, service: Service): Promise<void> {
  const { tls } = service;
  let last = new SocketStream(socket);
  const patience = new Patience(() => last.socket, service);
  try {
    const agreement = await shakeHands(last, {
      exportName: service.exportName,
      blockSizes: service.blockSizes,
      ask: () => patience.ask(),
      tlsRequired: tls !== undefined && tls.required !== false,
      ...(tls === undefined
        ? {}
        : {
            secure: async (stream) => {
              const secured = await secureAsServer(stream, tls);
              if (secured !== undefined) last = secured;
              return secured;
            },
          }),
    });
    patience.end();
    if (agreement === undefined) return;
    const { withdrawn } = agreement.offer;
    const cut = (): void => {
      socket.destroy();
    };
    withdrawn.addEventListener('abort', cut, { once: true });
    try {
      if (withdrawn.aborted) cut();
      await serveRequests({
        agreement,
        minimumBlock: service.blockSizes.minimum,
        limits: service.flight,
        pool: service.pool,
        wakefulness: service.wakefulness,
        signal: AbortSignal.any([service.stop, withdrawn]),
      });
    } finally {
      withdrawn.removeEventListener('abort', cut);
    }
  } catch {
    // Whatever a client made us trip over, the others and the program go on.
  } finally {
    patience.end();
    // What was sent still reaches the peer: end() flushes, and the peer's own end or the time-out closes the rest.
    last.socket.end();
    last.socket.resume();
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MILLISECONDS);
    socket.once('close', () => clearTimeout(timer));
    if (socket.destroyed) clearTimeout(timer);
  }
}

/** Ends a client that does not come to the point; once it chose the export it may be idle as long as it likes. */
class Patience {
  readonly #current: () => Socket;
  readonly #service: Service;
  #talk: number;
  #hold: number;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;

  /** `current`: the socket as it is now, in the clear or not. */
  constructor(current: () => Socket, service: Service) {
    this.#current = current;
    this.#service = service;
    this.#talk = service.handshakeMilliseconds;
    this.#hold = service.holdMilliseconds;
    this.#begin();
  }

  #begin(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.#current().destroy(), Math.max(1, this.#talk));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#talk -= performance.now() - this.#since;
  }

  /** Waits while the export is held back, as long as that may last; that time is not the client's. */
  async ask(): Promise<Offer | 'absent' | 'not-yet'> {
    this.end();
    const begin = performance.now();
    const enough = new AbortController();
    const hold = setTimeout(() => enough.abort(), Math.max(1, this.#hold));
    const watch = whenGone(this.#current(), () => enough.abort());
    const signal = AbortSignal.any([enough.signal, this.#service.stop]);
    try {
      return (await beforeAbort(this.#service.gate.offered(signal), signal)) ?? 'absent';
    } catch {
      return 'not-yet';
    } finally {
      clearTimeout(hold);
      watch();
      this.#hold -= performance.now() - begin;
      this.#begin();
    }
  }
}

/** Calls back when the peer ends although nobody reads. Returns what stops the watching. */
function whenGone(socket: Socket, gone: () => void): () => void {
  // Reading nothing is what makes a stream look for its end.
  const look = (): void => {
    socket.read(0);
  };
  socket.on('readable', look);
  socket.once('end', gone);
  socket.once('close', gone);
  if (socket.destroyed || socket.readableEnded) gone();
  return () => {
    socket.off('readable', look);
    socket.off('end', gone);
    socket.off('close', gone);
  };
}

/** As the promise, but rejects once the signal is aborted even where nobody heeds it. */
function beforeAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
