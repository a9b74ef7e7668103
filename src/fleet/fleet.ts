import { asNsError, equalBytes, NsError } from '../base/index.ts';
import type {
  Clock,
  Entropy,
  KeyStore,
  LocalSink,
  LocalSource,
  MessageBus,
  PublicKey,
  Stop,
} from '../ports/index.ts';
import type { ArgsOf, DeviceEvent, Order, Verb } from '../protocol/index.ts';
import { destructionOf, isLasting, signOrder } from '../security/index.ts';
import { type Bound, boundFor, noNonce, nonceIn } from './ask-nonce.ts';
import { DeviceLine } from './device-line.ts';
import type { KeepReceipt } from './evidence.ts';
import { type GetOutcome, getFile, type TransferOptions } from './get-file.ts';
import { OrderRun } from './order-run.ts';
import { DEFAULT_TIMING, type OrderOptions } from './order-timing.ts';
import type { OrderTrace, OrderTracer } from './order-trace.ts';
import { type PutArgs, type PutOutcome, type PutVerb, putFile } from './put-file.ts';
import type { StagedOrder } from './staged-order.ts';
import { TopicFilters } from './topic-filters.ts';
import { type OrderCounter, writeOrder } from './write-order.ts';

export interface FleetOptions {
  readonly bus: MessageBus;
  readonly tenant: string;
  /** Signs the orders; absent where only what others signed is sent. */
  readonly key?: KeyStore;
  /** Sign the orders that need two people, beside the key; the same for all orders, or chosen for each. */
  readonly cosigners?: readonly KeyStore[] | ((order: Order) => readonly KeyStore[]);
  /**
   * Gives the token that a destructive order is to carry; asked once for each such order, before it is signed. Without
   * one it is sent without, and refused by the device.
   */
  readonly tokens?: (order: Order) => Promise<Uint8Array | undefined>;
  /** By which the key has its right, where it is not in the keyrings of the devices. */
  readonly grants?: readonly Uint8Array[];
  readonly counter: OrderCounter;
  /** The devices' public keys: what is not signed by these is not believed. */
  readonly devices: ReadonlyMap<string, PublicKey>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Given every receipt with its order, before the order's outcome is known to anybody. */
  readonly keep?: KeepReceipt;
  /** Given every order that a device stages, so that its receipt can be asked for later. */
  readonly keepOrder?: (order: StagedOrder) => Promise<void>;
  /** Gives each order a trace, which it carries; without one, orders carry none. Devices older than traces refuse such an order. */
  readonly tracer?: OrderTracer | undefined;
}

/** The operator's side: gives signed orders to devices over one bus and brings back their signed receipts. */
export class Fleet {
  readonly #o: FleetOptions;
  readonly #lines = new Map<string, DeviceLine>();
  readonly #byTopic = new Map<string, { readonly line: DeviceLine; readonly blocks: boolean }>();
  readonly #filters: TopicFilters;

  constructor(options: FleetOptions) {
    this.#o = options;
    this.#filters = new TopicFilters(options.bus);
  }

  /** Starts the bus. Orders may be given before there is a connection: they wait for it. */
  async connect(signal?: AbortSignal): Promise<void> {
    this.#o.bus.onMessage(async ({ topic, payload, retained }) => {
      const target = this.#byTopic.get(topic);
      if (target === undefined) return;
      if (target.blocks) target.line.takeBlock(payload);
      else target.line.takeEvent(payload, retained);
    });
    await this.#o.bus.start(signal);
  }

  async close(): Promise<void> {
    await this.#o.bus.close();
  }

  /**
   * Signs an order and sends it. NS_DEVICE_UNKNOWN where the device's key is not known, NS_ORDER_INVALID where no
   * device would take it, NS_NO_NONCE where it needs a nonce and the device gives none.
   */
  async order<V extends Verb>(
    device: string,
    verb: V,
    args: ArgsOf<V>,
    options: OrderOptions,
  ): Promise<OrderRun<V>> {
    this.#line(device);
    const { key, tenant } = this.#o;
    const cosigners = options.cosigners ?? this.#o.cosigners ?? [];
    const tokens = options.tokens ?? this.#o.tokens;
    if (key === undefined) throw new NsError('NS_ORDER_INVALID', 'no key signs here', { family: 'caller' });
    const { counter, entropy, clock, grants } = this.#o;
    const writer = { key, counter, entropy, grants, now: clock.wallSeconds() };
    const bound = await this.#bound(device, verb, options);
    const trace = options.trace === undefined ? this.#o.tracer?.begin(device, verb) : undefined;
    const carried = trace === undefined ? {} : { trace: trace.traceparent };
    const body = await writeOrder(writer, device, verb, args, { ...options, ...carried, ...bound });
    const token = destructionOf(body) === undefined ? undefined : await tokens?.(body);
    const whole = token === undefined ? body : { ...body, token };
    const beside = typeof cosigners === 'function' ? cosigners(whole) : cosigners;
    return this.#follow<V>(device, whole, await signOrder(whole, key, tenant, beside), options, trace);
  }

  /** The trace that an order signed elsewhere is to carry, given to `send` with it; undefined where orders carry none. */
  beginTrace(device: string, verb: Verb): OrderTrace | undefined {
    return this.#o.tracer?.begin(device, verb);
  }

  /** Sends an order that was signed before, and follows it as any other. */
  send(order: Order, packet: Uint8Array, options: OrderOptions, trace?: OrderTrace): Promise<OrderRun> {
    trace?.sending();
    return this.#follow<Verb>(order.aud.name, order, packet, options, trace);
  }

  /** Sends an order that a device has staged once more: it answers with the receipt, or with what the order waits for. */
  again({ device, id, verb, packet }: StagedOrder, options: OrderOptions): Promise<OrderRun> {
    return this.#follow<Verb>(device, { id, verb }, packet, options);
  }

  /** Asks a device for a nonce of now. NS_NO_NONCE where it gives none, or does not answer. */
  async nonce(device: string, options: OrderOptions): Promise<Uint8Array> {
    const { signal, timing } = options;
    const asked = { signal, timing: { ...timing, by: 'wall-clock' as const } };
    const run = await this.order(device, 'machine.status', {}, asked);
    const found = nonceIn(await run.outcome);
    if ('nonce' in found) return found.nonce;
    throw noNonce(device, found.why);
  }

  async #bound(device: string, verb: Verb, options: OrderOptions): Promise<{ readonly bound?: Bound }> {
    const { by, validFor } = { ...DEFAULT_TIMING, ...options.timing };
    if (by === 'wall-clock' || isLasting({ verb })) return {};
    try {
      return { bound: boundFor(await this.nonce(device, options), validFor) };
    } catch (error) {
      const fault = asNsError(error);
      if (by === 'nonce' || fault.code !== 'NS_NO_NONCE') throw error;
      options.onNoNonce?.(fault);
      return {};
    }
  }

  async #follow<V extends Verb>(
    device: string,
    { id, verb, exp, maxAge }: Pick<Order, 'id' | 'verb' | 'exp' | 'maxAge'>,
    packet: Uint8Array,
    options: OrderOptions,
    trace?: OrderTrace,
  ): Promise<OrderRun<V>> {
    const line = this.#line(device);
    await this.#subscribe(line, line.topics.evt, false);
    const run = new OrderRun<V>({
      id,
      verb: verb as V,
      packet,
      validUntil: exp ?? (maxAge === undefined ? undefined : this.#o.clock.wallSeconds() + maxAge),
      timing: { ...DEFAULT_TIMING, ...options.timing },
      clock: this.#o.clock,
      signal: options.signal,
      send: () => this.#o.bus.publish(line.topics.cmd, packet),
      presence: () => line.presence?.state,
      trace,
      keep: (receipt, signed) =>
        this.#o.keep?.({ tenant: this.#o.tenant, device, order: packet, receipt }, signed) ??
        Promise.resolve(),
      keepStaged:
        options.untilEnded === true
          ? undefined
          : () =>
              this.#o.keepOrder?.({ tenant: this.#o.tenant, device, id, verb, packet }) ?? Promise.resolve(),
    });
    line.follow(run as unknown as OrderRun);
    return run;
  }

  /** Tells what a device says of itself and of any order, whoever gave it, as long as its key signed that; from when this resolves. */
  async listen(device: string, take: (event: DeviceEvent) => void): Promise<Stop> {
    const line = this.#line(device);
    await this.#subscribe(line, line.topics.evt, false);
    return line.listen(take);
  }

  /** Fetches a file of the host's disk. A transfer that broke goes on where it was, if the file is still the same. */
  async get(
    device: string,
    args: ArgsOf<'file.upload'>,
    sink: LocalSink,
    options: TransferOptions,
  ): Promise<GetOutcome> {
    const line = await this.#blocks(device);
    const order = await this.order(device, 'file.upload', args, options);
    return getFile(order, line.blocks, sink, this.#o.clock, options);
  }

  /** Fetches a whole disk or volume, bit by bit; as `get`. */
  async getImage(
    device: string,
    args: ArgsOf<'volume.upload'>,
    sink: LocalSink,
    options: TransferOptions,
  ): Promise<GetOutcome<'volume.upload'>> {
    const line = await this.#blocks(device);
    const order = await this.order(device, 'volume.upload', args, options);
    return getFile(order, line.blocks, sink, this.#o.clock, options);
  }

  /** Puts a file on the host's disk. The device keeps what it has of a broken transfer and knows it by its hash. */
  put(device: string, args: PutArgs, source: LocalSource, options: TransferOptions): Promise<PutOutcome> {
    return this.#put(device, 'file.download', args, source, options);
  }

  /** Offers the image to the host, for its next start. */
  offer(
    device: string,
    args: Pick<ArgsOf<'media.offer'>, 'dryRun'>,
    source: LocalSource,
    options: TransferOptions,
  ): Promise<PutOutcome<'media.offer'>> {
    return this.#put(device, 'media.offer', args, source, options);
  }

  /** Updates the device's own firmware: `source` gives what follows the manifest in the image. */
  update(
    device: string,
    args: Pick<ArgsOf<'agent.update'>, 'manifest' | 'dryRun'>,
    source: LocalSource,
    options: TransferOptions,
  ): Promise<PutOutcome<'agent.update'>> {
    return this.#put(device, 'agent.update', args, source, options);
  }

  /** Sends an order for a put that was signed before, and puts the file. NS_ORDER_INVALID where the order is for another file. */
  async sendPut(
    order: Order<'file.download'>,
    packet: Uint8Array,
    source: LocalSource,
    options: TransferOptions,
  ): Promise<PutOutcome> {
    const { size, sha256 } = order.args;
    if (size !== source.size || !equalBytes(sha256, source.sha256)) {
      throw new NsError('NS_ORDER_INVALID', 'the order was signed for another file', { family: 'caller' });
    }
    const device = order.aud.name;
    const line = await this.#blocks(device);
    const run = await this.#follow<'file.download'>(device, order, packet, options);
    return putFile(run, line.blocks, source, this.#o.clock, options);
  }

  async #put<V extends PutVerb>(
    device: string,
    verb: V,
    args: Omit<ArgsOf<V>, 'size' | 'sha256'>,
    source: LocalSource,
    options: TransferOptions,
  ): Promise<PutOutcome<V>> {
    const line = await this.#blocks(device);
    const whole = { ...args, size: source.size, sha256: source.sha256 } as unknown as ArgsOf<V>;
    const order = await this.order(device, verb, whole, options);
    return putFile(order, line.blocks, source, this.#o.clock, options);
  }

  async #blocks(device: string): Promise<DeviceLine> {
    const line = this.#line(device);
    await this.#subscribe(line, line.topics.blkOut, true);
    return line;
  }

  #line(device: string): DeviceLine {
    const known = this.#lines.get(device);
    if (known !== undefined) return known;
    const key = this.#o.devices.get(device);
    if (key === undefined) {
      throw new NsError('NS_DEVICE_UNKNOWN', `no public key is known for the device "${device}"`, {
        family: 'caller',
      });
    }
    const line = new DeviceLine(device, key, this.#o.tenant, this.#o.bus);
    this.#lines.set(device, line);
    return line;
  }

  async #subscribe(line: DeviceLine, topic: string, blocks: boolean): Promise<void> {
    this.#byTopic.set(topic, { line, blocks });
    await this.#filters.hear(line.name, topic);
  }
}
