import type { Datagram, DatagramPeer, DatagramServer } from '../../src/ports/index.ts';

export interface FakeConsole extends Datagram {
  readonly from: DatagramPeer;
  /** What it sent, and what it heard. */
  readonly sent: Uint8Array[];
  readonly heard: Uint8Array[];
}

/** A network in memory: one who hears everybody, and any number of consoles. */
export class DatagramNet implements DatagramServer {
  readonly local = { address: '10.0.0.1', port: 623 };
  closed = false;
  /** Changes, repeats or loses what goes to the server, or what comes from it. */
  toServer: (bytes: Uint8Array, peer: DatagramPeer) => readonly Uint8Array[] = (bytes) => [bytes];
  toConsole: (bytes: Uint8Array, peer: DatagramPeer) => readonly Uint8Array[] = (bytes) => [bytes];
  #hear: ((bytes: Uint8Array, peer: DatagramPeer) => void) | undefined;
  readonly #consoles = new Map<string, (bytes: Uint8Array) => void>();
  #port = 50_000;

  send(peer: DatagramPeer, bytes: Uint8Array): void {
    for (const each of this.toConsole(bytes, peer))
      queueMicrotask(() => this.#consoles.get(`${peer.address} ${peer.port}`)?.(each));
  }

  onMessage(listener: (bytes: Uint8Array, peer: DatagramPeer) => void): () => void {
    this.#hear = listener;
    return () => {
      this.#hear = undefined;
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** A datagram that claims to come from there, at once. */
  inject(bytes: Uint8Array, peer: DatagramPeer): void {
    this.#hear?.(bytes, peer);
  }

  console(address = '10.0.0.7', port = ++this.#port): FakeConsole {
    const from = { address, port };
    const listeners = new Set<(bytes: Uint8Array) => void>();
    const [sent, heard]: [Uint8Array[], Uint8Array[]] = [[], []];
    const name = `${address} ${port}`;
    this.#consoles.set(name, (bytes) => {
      heard.push(bytes);
      for (const listener of listeners) listener(bytes);
    });
    return {
      peer: 'bmc:623',
      from,
      sent,
      heard,
      send: async (bytes) => {
        sent.push(bytes);
        for (const each of this.toServer(bytes, from)) queueMicrotask(() => this.inject(each, from));
      },
      onMessage: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close: async () => {
        this.#consoles.delete(name);
      },
    };
  }
}
