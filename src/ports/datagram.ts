import type { Stop } from './clock.ts';

/** A socket bound to one peer: what comes from anyone else never gets here. Datagrams may be lost, repeated, reordered. */
export interface Datagram {
  /** "10.0.0.7:623". */
  readonly peer: string;
  /** Hands it to the network. Throws NS_DATAGRAM where that is not possible at all. */
  send(bytes: Uint8Array): Promise<void>;
  onMessage(listener: (bytes: Uint8Array) => void): Stop;
  close(): Promise<void>;
}
