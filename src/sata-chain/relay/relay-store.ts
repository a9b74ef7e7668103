import { concatBytes } from '../../base/index.ts';
import type { StateStore } from '../../ports/index.ts';
import { decodeRelayMessage, type Envelope, encodeRelayMessage } from './envelope.ts';
import { Seen } from './seen.ts';

const PREFIX = 'relay-e-';
const SEEN = 'relay-seen';
const MOST_SEEN = 512;
const WALL_BYTES = 8;

/** Held envelopes and the ids of those seen, in own storage. */
export class RelayStore {
  readonly #store: StateStore;
  readonly #wallSeconds: () => number;

  constructor(store: StateStore, wallSeconds: () => number) {
    this.#store = store;
    this.#wallSeconds = wallSeconds;
  }

  /** What an earlier run left. Time that went by meanwhile is taken off, as far as the wall clock knows of it. */
  async load(): Promise<{ readonly seen: Seen; readonly held: readonly Envelope[] }> {
    const seen = new Seen(MOST_SEEN, await this.#store.readDocument(SEEN));
    const held: Envelope[] = [];
    for (const name of await this.#store.names(PREFIX)) {
      const document = await this.#store.readDocument(name);
      const envelope = document && this.#read(document);
      if (envelope === undefined || seen.has(name.slice(PREFIX.length))) await this.#store.remove(name);
      else held.push(envelope);
    }
    return { seen, held };
  }

  /** Durable on return. */
  async keep(id: string, envelope: Envelope): Promise<void> {
    const wall = new Uint8Array(WALL_BYTES);
    new DataView(wall.buffer).setFloat64(0, this.#wallSeconds());
    await this.#store.writeDocument(
      PREFIX + id,
      concatBytes(wall, encodeRelayMessage({ is: 'offer', envelope })),
    );
  }

  /** In this order, so that a cut in between brings nothing back. */
  async forget(id: string, seen: Seen): Promise<void> {
    await this.#store.writeDocument(SEEN, seen.document());
    await this.#store.remove(PREFIX + id);
  }

  #read(document: Uint8Array): Envelope | undefined {
    if (document.length < WALL_BYTES) return undefined;
    const message = decodeRelayMessage(document.subarray(WALL_BYTES));
    if (message?.is !== 'offer') return undefined;
    const then = new DataView(document.buffer, document.byteOffset).getFloat64(0);
    const passed = Math.max(0, Math.floor(this.#wallSeconds() - then)) || 0;
    return { ...message.envelope, ttl: Math.max(0, message.envelope.ttl - passed) };
  }
}
