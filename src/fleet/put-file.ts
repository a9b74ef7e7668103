import { asNsError, hours, NsError } from '../base/index.ts';
import type { Clock, LocalSource } from '../ports/index.ts';
import { type ArgsOf, CHUNK_BYTES } from '../protocol/index.ts';
import { type BlockPort, sendFile } from '../transfer/index.ts';
import type { TransferOptions } from './get-file.ts';
import type { OrderRun } from './order-run.ts';
import type { OrderOutcome } from './outcome.ts';

/** What a put says beside the contents. */
export type PutArgs = Omit<ArgsOf<'file.download'>, 'size' | 'sha256'>;

/** Orders whose bytes the device asks this side for. */
export type PutVerb = 'file.download' | 'agent.update' | 'media.offer';

export interface PutOutcome<V extends PutVerb = 'file.download'> {
  /** Of the order. */
  readonly id: Uint8Array;
  readonly outcome: OrderOutcome<V>;
  /** What went wrong on this side of the wire. */
  readonly fault?: NsError;
}

/** The order's own deadlines end a put; a task may wait in the device's queue for long before it asks for anything. */
const PATIENCE = hours(48);

/** All puts together keep this much on its way to the broker. */
const SEND_BYTES = 8 * 1024 * 1024;
const LARGEST_SEND_WINDOW = 3 * 1024 * 1024;
const SMALLEST_SEND_WINDOW = 256 * 1024;

/** Bytes of each put on their way to the broker at once, where so many hosts share one connection. */
export function sendWindowFor(hosts: number): number {
  return Math.max(SMALLEST_SEND_WINDOW, Math.min(LARGEST_SEND_WINDOW, Math.floor(SEND_BYTES / hosts)));
}

/** Follows such an order, serving the chunks that the device asks for until its receipt is there. */
export async function putFile<V extends PutVerb>(
  order: OrderRun<V>,
  port: BlockPort,
  source: LocalSource,
  clock: Clock,
  options: TransferOptions,
): Promise<PutOutcome<V>> {
  const ended = new NsError('NS_ORDER_ENDED', 'the order has ended');
  const stop = new AbortController();
  const sending = sendFile({
    id: order.id,
    size: source.size,
    chunk: CHUNK_BYTES,
    read: (offset, into) => source.read(offset, into),
    port,
    clock,
    signal: stop.signal,
    noProgress: PATIENCE,
    ...(options.sendWindow === undefined ? {} : { sendWindow: options.sendWindow }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }).then(
    () => undefined,
    (error: unknown) => (error === ended ? undefined : asNsError(error, 'NS_LOCAL_FILE')),
  );
  try {
    for await (const event of order.events()) options.onEvent?.(event);
    const outcome = await order.outcome;
    stop.abort(ended);
    const fault = await sending;
    // The device's own answer says more than that it stopped us.
    const ours = fault === undefined || fault.code === 'NS_TRANSFER_STOPPED' ? {} : { fault };
    return { id: order.id, outcome, ...ours };
  } catch (error) {
    stop.abort(error);
    await sending;
    throw error;
  }
}
