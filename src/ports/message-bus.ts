import type { Stop } from './clock.ts';

/** A message as it came from the bus, before any trust. */
export interface BusMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

export type BusState =
  | { readonly is: 'down'; readonly reason: string }
  | { readonly is: 'up'; readonly protocol: '5' | '3.1.1' };

/**
 * A publish/subscribe bus with at-least-once delivery and a session that outlives the connection.
 */
export interface MessageBus {
  /** Connects, and keeps connecting until close. */
  start(signal?: AbortSignal): Promise<void>;
  /** Subscriptions are renewed after each reconnect. At most 16 filters. */
  subscribe(filters: readonly string[], options?: SubscribeOptions): Promise<void>;
  /** The message is acknowledged to the broker only when the handler's promise resolves. One handler. */
  onMessage(handler: (message: BusMessage) => Promise<void>): void;
  /**
   * Resolves when the broker has the message. Rejects with NS_BUS_FULL at once where the bounded send queue has no
   * room, and with NS_BUS_DOWN where the bus is closed first.
   */
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  onState(listener: (state: BusState) => void): Stop;
  close(): Promise<void>;
}

export interface PublishOptions {
  readonly retain?: boolean;
  /** True for what is worthless later (progress): dropped at once with NS_BUS_DOWN while there is no connection. */
  readonly transient?: boolean;
}

export interface SubscribeOptions {
  /** True for what is worthless later: at most once, and not kept for us while there is no connection. */
  readonly transient?: boolean;
}
