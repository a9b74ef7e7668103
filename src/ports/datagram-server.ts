import type { Stop } from './clock.ts';

/** Where a datagram came from, as the network has it; anybody may forge it. */
export interface DatagramPeer {
  /** Of IPv4 or IPv6, in digits. */
  readonly address: string;
  readonly port: number;
}

/** A socket that hears everybody. Datagrams may be lost, repeated, reordered, and may claim to come from anyone. */
export interface DatagramServer {
  /** Where it listens. */
  readonly local: DatagramPeer;
  /** Hands it to the network, and does not wait. What cannot be sent is lost, as any datagram may be. */
  send(peer: DatagramPeer, bytes: Uint8Array): void;
  onMessage(listener: (bytes: Uint8Array, peer: DatagramPeer) => void): Stop;
  close(): Promise<void>;
}
