import { systemEntropy } from '../adapters/entropy.ts';
import { ReceiptFolder } from '../adapters/receipt-folder.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { asNsError, type Duration, milliseconds, NsError, seconds, toHex } from '../base/index.ts';
import {
  encodeEvidence,
  encodeStagedOrder,
  Fleet,
  type FleetOptions,
  type KeptReceipt,
} from '../fleet/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { openBus } from './operator-bus.ts';
import { type OperatorSetup, receiptPlace, type Signer } from './operator-setup.ts';

export interface ConnectOptions {
  /** Absent where only what others signed is sent. */
  readonly signer?: Signer | undefined;
  readonly cosigners?: readonly KeyStore[];
  readonly tokens?: FleetOptions['tokens'];
  readonly tracer?: FleetOptions['tracer'];
  /** Receipts are not kept: of what is asked again and again there would be no end. Or not those of these orders, by id. */
  readonly unkept?: true | ((order: Uint8Array) => boolean) | undefined;
  /** Told of every receipt beside. */
  readonly onReceipt?: (kept: KeptReceipt) => void;
  /** Told where the link is not what it should be. */
  readonly warn: (sentence: string) => void;
  readonly signal: AbortSignal;
  /** For the connection to the broker; 20 s at most. */
  readonly patience?: Duration | undefined;
}

const CONNECT = seconds(20);
const NOBODY: FleetOptions['counter'] = { next: () => Promise.reject(new Error('nobody signs here')) };

/**
 * The operator's engine, connected to the broker of the configuration. Receipts are kept where the configuration says.
 * NS_BROKER_UNREACHABLE, NS_RECEIPTS, NS_CONFIG_INVALID.
 */
export async function connectFleet(setup: OperatorSetup, options: ConnectOptions): Promise<Fleet> {
  const { config } = setup;
  const { signer, cosigners, tokens, tracer, unkept, onReceipt, signal } = options;
  // Where nothing is to be kept, a staged order is what first needs the folder.
  let opening: Promise<ReceiptFolder> | undefined;
  const folder = (): Promise<ReceiptFolder> => {
    opening ??= ReceiptFolder.open(receiptPlace(setup));
    return opening;
  };
  if (unkept !== true) await folder();
  const bus = await openBus(setup, options.warn);
  const fleet = new Fleet({
    bus,
    tenant: config.tenant,
    ...(signer === undefined ? {} : { key: signer.key }),
    ...(cosigners === undefined ? {} : { cosigners }),
    ...(tokens === undefined ? {} : { tokens }),
    tracer,
    ...(signer?.grants === undefined ? {} : { grants: signer.grants }),
    counter: signer?.counter ?? NOBODY,
    devices: config.devices,
    clock: systemClock,
    entropy: systemEntropy,
    keep: async (kept, { id, seq }) => {
      onReceipt?.(kept);
      if (typeof unkept === 'function' ? unkept(id) : unkept === true) return;
      const receipts = await folder();
      await receipts.keep({ tenant: kept.tenant, device: kept.device, seq }, encodeEvidence(kept));
    },
    keepOrder: async (order) => {
      const under = { tenant: order.tenant, device: order.device, id: toHex(order.id) };
      await (await folder()).keepStaged(under, encodeStagedOrder(order));
    },
  });
  const patience = systemClock.deadline(
    milliseconds(Math.min(CONNECT, options.patience ?? CONNECT)),
    'connecting to the broker',
  );
  let reason = '';
  const stop = bus.onState((state) => {
    if (state.is === 'down') reason = `: ${state.reason}`;
  });
  try {
    await fleet.connect(AbortSignal.any([patience.signal, signal]));
  } catch (error) {
    // One that tries on would keep the process alive.
    await fleet.close();
    signal.throwIfAborted();
    throw new NsError('NS_BROKER_UNREACHABLE', `no connection to ${config.broker?.url}${reason}`, {
      cause: asNsError(error),
      retryable: true,
    });
  } finally {
    stop();
    patience.release();
  }
  return fleet;
}
