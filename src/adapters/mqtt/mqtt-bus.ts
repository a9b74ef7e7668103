import { asNsError, type Duration, hours, minutes, NsError, seconds } from '../../base/index.ts';
import type {
  BusMessage,
  BusState,
  Clock,
  Entropy,
  LogSink,
  MessageBus,
  PublishOptions,
  Stop,
  SubscribeOptions,
} from '../../ports/index.ts';
import { type BackoffRange, backoffDelay } from './backoff.ts';
import { type BrokerAddress, type BrokerTls, parseBrokerUrl } from './broker-socket.ts';
import { type Link, type LinkAttempt, openLink, type Subscription, type Will } from './link.ts';
import { levelFor, type ProtocolChoice, spoke, UNKNOWN_BROKER, wasRefused } from './protocol-choice.ts';
import { busDown, type SendLimits, SendQueue } from './send-queue.ts';

export interface MqttBusOptions {
  readonly broker: BrokerAddress;
  /** Names the session that the broker keeps: the same at every start, and used by nobody else. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** Asked at each connect, for what may be renewed while we run; it replaces `broker.tls` and `password`. */
  readonly credentials?: () => Promise<Credentials>;
  /** Asked at each connect for what the broker publishes if this connection dies. */
  readonly will?: () => Promise<Will>;
  /** Larger packets are not wanted; an MQTT 5 broker is told. In bytes. */
  readonly maxPacket?: number;
  /**
   * True for a short-lived client: nothing is kept from before its start or after its close. A broken connection in
   * between is bridged by an MQTT 5 broker; to a 3.1.1 broker each connection is a new session.
   */
  readonly cleanSession?: boolean;
  readonly keepAlive?: Duration;
  readonly connectTimeout?: Duration;
  readonly sessionExpiry?: Duration;
  readonly backoff?: BackoffRange;
  readonly limits?: Partial<SendLimits>;
}

export interface Credentials {
  readonly tls?: BrokerTls;
  readonly password?: string;
}

const MAX_FILTERS = 16;
const RECEIVE_WINDOW = 8;
const DEFAULT_MAX_PACKET = 128 * 1024;
/** A 3.1.1 broker cannot be told the limit: what is somewhat too large still reaches the handler, to be refused. */
const BREAK_PACKET_311 = 2 * 1024 * 1024;
/** Broken this often in a row by oversize packets, we have the broker forget what it kept for us. */
const OVERSIZE_BEFORE_CLEAN = 2;
/** A connection that lasts this long ends the series of failures. */
const STEADY = seconds(10);
const REPROBE = hours(24);
const GOODBYE = seconds(2);
const LASTING_SESSION = hours(7 * 24);
const BRIEF_SESSION = minutes(5);
const BACKOFF: BackoffRange = { first: seconds(1), longest: seconds(60) };
const LIMITS: SendLimits = { messages: 1024, bytes: 8 << 20, window: 32, windowBytes: 1 << 20 };

/**
 * MessageBus over MQTT, QoS 1 but for what is worthless later. One message is handled at a time; its PUBACK leaves when the handler's promise
 * resolves, and until then nothing else from the broker is looked at. So a handler must not wait for a publish of its
 * own. A handler that rejects costs the connection, and the message comes again.
 */
export class MqttBus implements MessageBus {
  readonly #options: MqttBusOptions;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #log: LogSink;
  readonly #queue: SendQueue;
  readonly #filters = new Map<string, Subscription>();
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #closing = new AbortController();
  #handler: (message: BusMessage) => Promise<void> = async () => {};
  #link: Link | undefined;
  #loop: Promise<void> | undefined;
  #choice: ProtocolChoice = UNKNOWN_BROKER;
  #failures = 0;
  #oversizes = 0;
  #leaving = false;
  /** A broker has taken us since the start. */
  #met = false;
  /** The broker's certificate is not valid yet by the wall clock; judged anew at each connect. */
  #early = false;

  constructor(options: MqttBusOptions, clock: Clock, entropy: Entropy, log: LogSink) {
    parseBrokerUrl(options.broker.url);
    this.#options = options;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#log = log;
    this.#queue = new SendQueue({ ...LIMITS, ...options.limits });
  }

  /** Resolves when the first connection is up and subscribed; an abort before that closes the bus. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#loop !== undefined || this.#leaving) {
      throw new NsError('NS_BUS_STARTED', 'a bus starts once', { family: 'caller' });
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        stop();
        void this.close();
        reject(signal?.reason);
      };
      const stop = this.onState((state) => {
        if (state.is !== 'up') return;
        signal?.removeEventListener('abort', abort);
        stop();
        resolve();
      });
      this.#closing.signal.addEventListener('abort', () => reject(busDown('the bus was closed')), {
        once: true,
      });
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#loop = this.#run();
    });
  }

  /** While there is no connection this only notes the filters: they are asked for at the next connect. */
  async subscribe(filters: readonly string[], options: SubscribeOptions = {}): Promise<void> {
    const all = new Set([...this.#filters.keys(), ...filters]);
    if (all.size > MAX_FILTERS) {
      throw new NsError('NS_BUS_FILTERS', `at most ${MAX_FILTERS} filters`, { family: 'caller' });
    }
    // A broker keeps nothing of QoS 0 for who is away, so that this takes no room from orders there.
    const asked = filters.map((filter) => ({ filter, qos: options.transient === true ? 0 : 1 }) as const);
    for (const each of asked) this.#filters.set(each.filter, each);
    await this.#link?.subscribe(asked);
  }

  onMessage(handler: (message: BusMessage) => Promise<void>): void {
    this.#handler = handler;
  }

  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    if (this.#leaving) return Promise.reject(busDown('the bus was closed'));
    const { retain = false, transient = false } = options;
    return this.#queue.add({ topic, payload, retain, transient });
  }

  /** Called at each change from now on. */
  onState(listener: (state: BusState) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets what waits leave for up to two seconds, says goodbye and rejects the rest. */
  async close(): Promise<void> {
    if (this.#link !== undefined && !this.#leaving) {
      this.#leaving = true;
      const patience = this.#clock.deadline(GOODBYE, 'saying goodbye to the broker');
      const link = this.#link;
      const late = (): void => link.drop('closed');
      patience.signal.addEventListener('abort', late, { once: true });
      await this.#queue.drained(patience.signal);
      this.#link = undefined;
      await link.leave();
      patience.release();
      this.#tell({ is: 'down', reason: 'closed' });
    }
    this.#leaving = true;
    this.#closing.abort(busDown('the bus was closed'));
    await this.#loop;
    this.#queue.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#leaving) {
      let reason: string;
      let retryNow = false;
      try {
        const level = levelFor(this.#choice, this.#clock.monotonic(), REPROBE);
        const attempt = await openLink(await this.#linkOptions(level), signal);
        if (attempt.is === 'up') {
          this.#choice = spoke(this.#choice, level, this.#clock.monotonic());
          reason = await this.#use(attempt.link);
        } else {
          reason = attempt.reason;
          retryNow = this.#judgeLevel(attempt, level) || this.#judgeClock(attempt);
        }
      } catch (error) {
        reason = asNsError(error).message;
      }
      if (this.#leaving) return;
      if (retryNow) continue;
      this.#tell({ is: 'down', reason });
      const delay = backoffDelay(this.#failures, this.#entropy.fraction(), this.#options.backoff ?? BACKOFF);
      this.#failures += 1;
      this.#log.log('warn', 'bus-down', { reason, retryMs: Math.round(delay) });
      await this.#clock.sleep(delay, signal).catch(() => {});
    }
  }

  /** True where the other protocol level is worth trying at once. */
  #judgeLevel(attempt: LinkAttempt & { is: 'failed' }, level: 4 | 5): boolean {
    if (!attempt.level) return false;
    this.#choice = wasRefused(level, this.#clock.monotonic());
    return level === 5;
  }

  /** True where a clock that is behind may be all that is wrong: the next attempt then looks at everything else. */
  #judgeClock(attempt: LinkAttempt & { is: 'failed' }): boolean {
    if (!attempt.early) return false;
    this.#early = true;
    this.#log.log('warn', 'broker-certificate-not-yet-valid', {});
    return true;
  }

  /** Works with a connection until it ends, and gives the reason. */
  async #use(link: Link): Promise<string> {
    const since = this.#clock.monotonic();
    try {
      this.#met = true;
      if (this.#filters.size > 0) await link.subscribe([...this.#filters.values()]);
      this.#link = link;
      this.#queue.open((message) => link.publish(message), link.sendWindow);
      this.#log.log('info', 'bus-up', { protocol: link.level === 5 ? '5' : '3.1.1' });
      this.#tell({ is: 'up', protocol: link.level === 5 ? '5' : '3.1.1' });
    } catch (error) {
      link.drop(asNsError(error).message);
    }
    const end = await link.ended;
    this.#link = undefined;
    this.#queue.pause();
    this.#oversizes = end.oversize ? this.#oversizes + 1 : 0;
    if (this.#clock.monotonic() - since >= STEADY) this.#failures = 0;
    return end.reason;
  }

  async #linkOptions(level: 4 | 5): Promise<Parameters<typeof openLink>[0]> {
    const { clientId, username } = this.#options;
    const { broker, password } = await this.#current();
    const early = this.#early;
    this.#early = false;
    const maxPacket = this.#options.maxPacket ?? DEFAULT_MAX_PACKET;
    const brief = this.#options.cleanSession === true;
    const discard = this.#oversizes >= OVERSIZE_BEFORE_CLEAN;
    const clean = discard || (brief && (level === 4 || !this.#met));
    if (discard) this.#log.log('warn', 'bus-session-discarded', {});
    return {
      broker,
      early,
      level,
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      keepAliveSeconds: Math.ceil((this.#options.keepAlive ?? seconds(60)) / 1000),
      connectMs: this.#options.connectTimeout ?? seconds(20),
      clean,
      sessionExpirySeconds: Math.ceil(
        (this.#options.sessionExpiry ?? (brief ? BRIEF_SESSION : LASTING_SESSION)) / 1000,
      ),
      forgetOnLeave: brief,
      receiveWindow: RECEIVE_WINDOW,
      maxPacket,
      breakPacket: level === 5 ? maxPacket : Math.max(maxPacket, BREAK_PACKET_311),
      will: await this.#options.will?.(),
      handler: (message) => this.#handler(message),
    };
  }

  async #current(): Promise<{ readonly broker: BrokerAddress; readonly password: string | undefined }> {
    const { broker, password, credentials } = this.#options;
    if (credentials === undefined) return { broker, password };
    const fresh = await credentials();
    const { url } = broker;
    return { broker: fresh.tls === undefined ? { url } : { url, tls: fresh.tls }, password: fresh.password };
  }

  #tell(state: BusState): void {
    for (const listener of [...this.#listeners]) listener(state);
  }
}
