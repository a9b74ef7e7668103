import * as mqttClient from 'mqtt/lib/client';
import mqttPacket from 'mqtt-packet';
import { asNsError, NsError } from '../../base/index.ts';
import type { BusMessage } from '../../ports/index.ts';
import { type BrokerAddress, NOT_YET_VALID, openBrokerSocket } from './broker-socket.ts';
import { PacketGuard } from './packet-guard.ts';
import type { ProtocolLevel } from './protocol-choice.ts';
import type { Outgoing } from './send-queue.ts';

// The module is CommonJS: Node gives its exports object as the default, a bundler may give the class itself.
const found: unknown = mqttClient.default;
const MqttClient = (
  typeof found === 'function' ? found : (found as { default: unknown }).default
) as typeof import('mqtt').MqttClient;

// A cache of 65536 ready-made packet numbers, 7 MB of heap, is more than a controller has to spare. The switch is
// documented in the module and missing from its types.
(mqttPacket.writeToStream as unknown as { cacheNumbers: boolean }).cacheNumbers = false;

export interface LinkOptions {
  readonly broker: BrokerAddress;
  /** The broker's certificate was found not to be valid yet: judge it without that. */
  readonly early?: boolean;
  readonly level: ProtocolLevel;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly keepAliveSeconds: number;
  readonly connectMs: number;
  /** True makes the broker forget an earlier session first. */
  readonly clean: boolean;
  readonly sessionExpirySeconds: number;
  /** True where an MQTT 5 broker is to forget the session at our goodbye. */
  readonly forgetOnLeave: boolean;
  /** Messages the broker may send before the first is acknowledged; said to MQTT 5 brokers. */
  readonly receiveWindow: number;
  /** Said to MQTT 5 brokers, which then keep larger packets to themselves. */
  readonly maxPacket: number;
  /** A larger packet breaks the connection. */
  readonly breakPacket: number;
  readonly will: Will | undefined;
  readonly handler: (message: BusMessage) => Promise<void>;
}

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
}

/** One connection that a broker has accepted, until it ends. */
export interface Link {
  readonly level: ProtocolLevel;
  /** How many publishes the broker takes before it answers the first. */
  readonly sendWindow: number;
  /** Resolves with the reason when the connection is gone. */
  readonly ended: Promise<LinkEnd>;
  publish(message: Outgoing): Promise<void>;
  subscribe(asked: readonly Subscription[]): Promise<void>;
  /** Says goodbye, so that the broker keeps the will to itself, and ends. */
  leave(): Promise<void>;
  /** Drops the connection. */
  drop(reason: string): void;
}

export interface LinkEnd {
  readonly reason: string;
  /** The broker sent a packet beyond the limit. */
  readonly oversize: boolean;
}

export type LinkAttempt =
  | { readonly is: 'up'; readonly link: Link }
  /**
   * `level`: the broker is there, and may speak the other protocol level. `early`: its certificate is not valid yet by
   * the wall clock, which is not believed here.
   */
  | { readonly is: 'failed'; readonly reason: string; readonly level: boolean; readonly early: boolean };

const BAD_LEVEL_CODES = new Set<unknown>([1, 132]);
const RESET_CODES = new Set<unknown>(['ECONNRESET', 'EPIPE']);
const LARGEST_WINDOW = 65_535;
/** Some brokers take no more in one SUBSCRIBE. */
const FILTERS_A_PACKET = 8;

/** Connects once. The signal drops an attempt or the link that came of it. */
export function openLink(options: LinkOptions, signal: AbortSignal): Promise<LinkAttempt> {
  const { socket, reached } = openBrokerSocket(options.broker, options.early);
  const guard = new PacketGuard(options.breakPacket);
  const client = new MqttClient(() => socket, clientOptions(options));
  let up = false;
  let levelDoubtful = false;
  let early = false;
  let oversize = false;
  let reason = '';
  let gone = false;

  const drop = (why: string): void => {
    if (reason === '') reason = why;
    socket.destroy();
  };
  const onAbort = (): void => drop('stopped');
  socket.on('data', (chunk: Buffer) => {
    if (oversize || guard.accepts(chunk)) return;
    oversize = true;
    drop(`the broker sent a packet of more than ${options.breakPacket} bytes`);
  });
  client.on('error', (error) => {
    const { code } = error as { code?: unknown };
    if (!up && (BAD_LEVEL_CODES.has(code) || (reached() && RESET_CODES.has(code)))) levelDoubtful = true;
    if (code === NOT_YET_VALID && options.broker.tls?.floor !== undefined) early = true;
    drop(error.message);
  });
  client.on('disconnect', (packet) => drop(`the broker ended the session (code ${packet.reasonCode ?? 0})`));
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'publish' && packet.qos === 2)
      drop('the broker sent a QoS 2 message, never asked for');
  });
  client.handleMessage = (packet, done) => {
    const { payload } = packet;
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    options.handler({ topic: packet.topic, payload: bytes, retained: packet.retain }).then(
      () => done(),
      // Without an answer to this packet the broker delivers it again, but only on a new connection.
      (error: unknown) => drop(`a message could not be handled: ${asNsError(error).message}`),
    );
  };

  const ended = new Promise<LinkEnd>((resolve) => {
    socket.once('close', () => {
      gone = true;
      signal.removeEventListener('abort', onAbort);
      client.end(true);
      resolve({ reason: reason === '' ? 'the connection was closed' : reason, oversize });
    });
  });
  const attempt = new Promise<LinkAttempt>((resolve) => {
    client.once('connect', (connack) => {
      up = true;
      const sendWindow = connack.properties?.receiveMaximum ?? LARGEST_WINDOW;
      const largest = connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      const leave = async (): Promise<void> => {
        gone = true;
        const forget = options.forgetOnLeave && options.level === 5;
        client.end(false, forget ? { properties: { sessionExpiryInterval: 0 } } : {});
        await ended;
      };
      const publish = publisher(client, largest, () => gone);
      const subscribe = subscriber(client, options.level);
      resolve({
        is: 'up',
        link: { level: options.level, sendWindow, ended, publish, subscribe, leave, drop },
      });
    });
    void ended.then((end) =>
      resolve({
        is: 'failed',
        reason: end.reason,
        level: levelDoubtful || (reached() && reason === ''),
        early,
      }),
    );
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  client.connect();
  return attempt;
}

type Client = InstanceType<typeof MqttClient>;

function publisher(client: Client, largest: number, gone: () => boolean): Link['publish'] {
  return ({ topic, payload, retain }) =>
    new Promise((resolve, reject) => {
      if (payload.byteLength + topic.length + 16 > largest) {
        reject(new NsError('NS_BUS_REFUSED', `the broker takes at most ${largest} bytes a packet`));
        return;
      }
      // Whether this one got through nobody will know: the queue takes it back when it hears that the link has ended.
      if (gone()) return;
      const body = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      client.publish(topic, body, { qos: 1, retain }, (error) => {
        if (!error) resolve();
        else if (!gone()) reject(new NsError('NS_BUS_REFUSED', error.message, { cause: error }));
      });
    });
}

function subscriber(client: Client, level: ProtocolLevel): Link['subscribe'] {
  // MQTT 5 §3.8.3.1: retained messages only where the subscription is new.
  const properties = level === 5 ? { rh: 1 } : {};
  const ask = (some: readonly Subscription[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const wanted = Object.fromEntries(some.map(({ filter, qos }) => [filter, { qos, ...properties }]));
      client.subscribe(wanted, (error) => {
        if (error) reject(new NsError('NS_BUS_REFUSED', error.message, { cause: error }));
        else resolve();
      });
    });
  return async (asked) => {
    for (let at = 0; at < asked.length; at += FILTERS_A_PACKET) {
      await ask(asked.slice(at, at + FILTERS_A_PACKET));
    }
  };
}

function clientOptions(options: LinkOptions): ConstructorParameters<typeof MqttClient>[1] {
  return {
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    protocolVersion: options.level,
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    clean: options.clean,
    keepalive: options.keepAliveSeconds,
    connectTimeout: options.connectMs,
    ...(options.will === undefined
      ? {}
      : {
          will: {
            topic: options.will.topic,
            payload: Buffer.from(options.will.payload),
            qos: 1 as const,
            retain: false,
          },
        }),
    ...(options.level === 5
      ? {
          properties: {
            sessionExpiryInterval: options.sessionExpirySeconds,
            receiveMaximum: options.receiveWindow,
            maximumPacketSize: options.maxPacket,
          },
        }
      : {}),
  };
}
