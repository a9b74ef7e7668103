import { NsError } from '../../base/index.ts';
import {
  type Fleet as Engine,
  type KeptReceipt,
  type KnownKeys,
  knownKeys,
  parseConfig,
  resolveHosts,
  Turnstile,
} from '../../fleet/index.ts';
import { connectFleet } from '../operator-fleet.ts';
import { type OperatorSetup, openSigner, readSetup, type Signer } from '../operator-setup.ts';
import { openTracing, type Tracing } from '../operator-trace.ts';
import { askPassphrase, type OpenOptions, type OrderControl, type Passphrase, placesOf } from './options.ts';
import type { ReceiptOf } from './outcome.ts';
import { SignedReceipt } from './receipt.ts';
import { type Stop, Stops } from './stops.ts';

/** What all orders of one fleet share. */
export interface Site {
  readonly setup: OperatorSetup;
  readonly engine: Engine;
  readonly keys: KnownKeys;
  readonly turnstile: Turnstile;
  readonly atOnce: number;
  readonly passphrase: Passphrase | undefined;
  /** Aborts when the fleet is closed. */
  readonly closing: AbortSignal;
  readonly stops: Stops;
  readonly receiptOf: ReceiptOf;
  /** NS_CONFIG_INVALID where no key was opened. */
  readonly signer: () => Promise<Signer>;
}

async function setupOf({ config, directory }: OpenOptions): Promise<OperatorSetup> {
  if (typeof config === 'string') return readSetup(config, {});
  return { config: parseConfig('config', config, {}), directory: directory ?? process.cwd() };
}

function tracingOf(
  { trace, onWarning: warn = () => undefined }: OpenOptions,
  { config }: OperatorSetup,
  closing: AbortSignal,
): Tracing | undefined {
  if (trace === undefined && (config.trace === undefined || config.trace === false)) return undefined;
  const tracing = openTracing(config.trace, { ...trace, warn });
  closing.addEventListener('abort', () => void tracing.close(), { once: true });
  return tracing;
}

export async function openSite(options: OpenOptions, closing: AbortSignal): Promise<Site> {
  const atOnce = placesOf(options.atOnce);
  const setup = await setupOf(options);
  const opening = options.signal === undefined ? closing : AbortSignal.any([options.signal, closing]);
  opening.throwIfAborted();
  const signer =
    options.signing === false
      ? undefined
      : await openSigner(setup, options, (keyFile) => askPassphrase(options.passphrase, keyFile));
  // By the packet that came in, for as long as somebody has that.
  const kept = new WeakMap<Uint8Array, KeptReceipt>();
  const keys = knownKeys(setup.config, [], []);
  const tracing = tracingOf(options, setup, closing);
  const engine = await connectFleet(setup, {
    signer,
    tracer: tracing?.tracer,
    ...(options.keepReceipts === false ? { unkept: true as const } : {}),
    onReceipt: (receipt) => kept.set(receipt.receipt, receipt),
    warn: options.onWarning ?? (() => undefined),
    signal: opening,
  });
  return {
    setup,
    engine,
    keys,
    turnstile: new Turnstile(atOnce),
    atOnce,
    passphrase: options.passphrase,
    closing,
    stops: new Stops(),
    receiptOf: (statement, packet) => {
      const evidence = kept.get(packet);
      if (evidence === undefined)
        throw new NsError('NS_INTERNAL', 'a receipt without its order', { family: 'bug' });
      return new SignedReceipt(statement, evidence, keys);
    },
    signer: async () => {
      if (signer !== undefined) return signer;
      throw new NsError('NS_CONFIG_INVALID', 'no key was opened for this fleet ("signing: false")', {
        family: 'caller',
      });
    },
  };
}

const rangeOf = (hosts: string | readonly string[]): string =>
  typeof hosts === 'string' ? hosts : hosts.join(',');

/** The devices that are meant: names, ranges, @groups, @all, less those that are left out. NS_HOSTS_INVALID. */
export function hostsOf(
  { setup: { config } }: Pick<Site, 'setup'>,
  hosts: string | readonly string[],
  allBut: OrderControl['allBut'],
): readonly string[] {
  const inventory = { devices: [...config.devices.keys()], groups: config.groups };
  const chosen = resolveHosts(rangeOf(hosts), inventory);
  if (allBut === undefined) return chosen;
  const out = new Set(resolveHosts(rangeOf(allBut), inventory));
  const left = chosen.filter((host) => !out.has(host));
  if (left.length > 0) return left;
  throw new NsError('NS_HOSTS_INVALID', 'all hosts are left out by allBut', { family: 'caller' });
}

/** Aborts with the caller's signal, and when the fleet is closed; to be let go when the work is done. */
export function stopOf(
  { closing, stops }: Pick<Site, 'closing' | 'stops'>,
  signal: AbortSignal | undefined,
): Stop {
  return stops.join(signal === undefined ? [closing] : [signal, closing]);
}
