import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemEntropy } from '../../adapters/entropy.ts';
import { hostLists } from '../../adapters/host-list.ts';
import { readConfig } from '../../adapters/operator-config.ts';
import { counterPlace, fileCounter, keyNamed, openKeyFile } from '../../adapters/operator-keys.ts';
import { Terminal } from '../../adapters/operator-terminal.ts';
import { readOrderText } from '../../adapters/order-file.ts';
import { ReceiptFolder, usualReceiptFolder } from '../../adapters/receipt-folder.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { asNsError, equalBytes, milliseconds, NsError, seconds, toHex } from '../../base/index.ts';
import {
  chooseHosts,
  configInvalid,
  decodeGrantFile,
  encodeEvidence,
  encodeStagedOrder,
  Fleet,
  type FleetOptions,
  LARGEST_GRANT_FILE,
  linksIn,
  MAX_HOSTS_TEXT,
  type OperatorConfig,
  type OrderCounter,
  type OrderTiming,
  parseConfig,
  parseWait,
  resolveHosts,
} from '../../fleet/index.ts';
import type { KeyStore } from '../../ports/index.ts';
import { openBus } from './bus.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly timeout?: string;
  readonly key?: string;
  readonly grant?: string;
  readonly fresh?: boolean;
  /** Of the command, where it takes hosts: those that are left out. */
  readonly allBut?: string;
}

export interface Context {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly timing: Partial<OrderTiming>;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly config: () => Promise<OperatorConfig>;
  /** The configuration's own file. NS_CONFIG_INVALID where there is none. */
  readonly configFile: () => Promise<string>;
  /** File names in the configuration are relative to this. */
  readonly directory: () => Promise<string>;
  /** Where receipts are kept. */
  readonly receipts: () => Promise<string>;
  readonly hosts: (range: string) => Promise<string[]>;
  /** The same for hosts of another kind: lists are read, and those of --all-but left out. */
  readonly choose: <T>(
    range: string,
    resolve: (range: string) => readonly T[],
    nameOf: (host: T) => string,
  ) => Promise<T[]>;
  /** Connects, does the work, and says goodbye to the broker whatever comes. */
  readonly withFleet: <T>(work: (fleet: Fleet) => Promise<T>, signing?: Signing) => Promise<T>;
  /** The key that signs, with its counter. */
  readonly signer: () => Promise<Signer>;
  /** Path of that key. */
  readonly keyFile: () => Promise<string>;
  /** For a private key: from the file that NIGHTSHIFT_PASSPHRASE_FILE names, or typed. */
  readonly passphrase: (question: string) => Promise<string>;
  /** For another private key: from this file, or typed. */
  readonly secretOf: (question: string, file: string | undefined) => Promise<string>;
}

/** Who signs what is sent: by default the operator's key alone. */
export interface Signing {
  /** Key file of a second person, for orders that need two. */
  readonly cosignKey?: string;
  /** All is signed already: no key is opened. */
  readonly signed?: true;
  /** Receipts are shown and not kept: of what is asked again and again there would be no end. */
  readonly unkept?: true;
  /** The tokens of destructive orders. */
  readonly tokens?: FleetOptions['tokens'];
}

export interface Signer {
  readonly key: KeyStore;
  readonly counter: OrderCounter;
  /** By which the key has its right, where somebody passed it on. */
  readonly grants?: readonly Uint8Array[];
}

const CONNECT = seconds(20);

async function firstLine(path: string): Promise<string> {
  const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/);
  return line;
}

async function passphrase(
  terminal: Terminal,
  question: string,
  file = process.env.NIGHTSHIFT_PASSPHRASE_FILE,
): Promise<string> {
  if (file === undefined) return terminal.secret(question);
  return firstLine(file).catch((error: unknown) => {
    throw configInvalid(`the passphrase file ${file} cannot be read`, error);
  });
}

interface Loaded {
  readonly config: OperatorConfig;
  readonly directory: string;
  /** Undefined where all there is comes from the environment. */
  readonly file?: string | undefined;
}

async function load(options: GlobalOptions): Promise<Loaded> {
  const raw = await readConfig(options.config, process.env);
  const config = parseConfig(raw.source, raw.content, process.env);
  return { config, directory: raw.directory, file: raw.file };
}

function receiptFolder({ config, directory }: Loaded): string {
  return config.receipts === undefined
    ? usualReceiptFolder(process.env)
    : resolve(directory, config.receipts);
}

function keyPath({ config, directory }: Loaded, options: GlobalOptions): string {
  const path = options.key ?? (config.keyFile && keyNamed(directory, config.keyFile));
  if (path !== undefined) return path;
  throw configInvalid('no key is named; set "key" in the configuration, NIGHTSHIFT_KEY or --key');
}

async function openSigner(
  { config, directory }: Loaded,
  options: GlobalOptions,
  context: Context,
): Promise<Signer> {
  const keyFile = keyPath({ config, directory }, options);
  const key = await openKeyFile(keyFile, () => context.passphrase(`Passphrase of ${keyFile}`));
  const grants = await openGrant({ config, directory }, options, key);
  return {
    key,
    counter: fileCounter(counterPlace(keyFile, key.publicKey, process.env)),
    ...(grants === undefined ? {} : { grants }),
  };
}

/** The grant in the configuration is for the key in the configuration; where another key signs, it is not looked at. */
async function openGrant(
  { config, directory }: Loaded,
  options: GlobalOptions,
  key: KeyStore,
): Promise<readonly Uint8Array[] | undefined> {
  const configured = options.key === undefined ? config.grantFile : undefined;
  const path = options.grant ?? (configured && resolve(directory, configured));
  if (path === undefined) return undefined;
  const { tenant, packets } = decodeGrantFile(await readOrderText(path, LARGEST_GRANT_FILE));
  if (tenant !== config.tenant) throw configInvalid(`${path} is a grant of the tenant "${tenant}"`);
  const holder = linksIn({ packets }).at(-1)?.holder;
  if (holder === undefined || !equalBytes(holder, key.publicKey.keyId)) {
    throw configInvalid(`${path} is a grant to another key than the one that signs`);
  }
  return packets;
}

/** The second person's key, which has a passphrase of its own. */
async function openCosigner(path: string, first: KeyStore, context: Context): Promise<KeyStore> {
  const file = process.env.NIGHTSHIFT_COSIGN_PASSPHRASE_FILE;
  const key = await openKeyFile(path, () => context.secretOf(`Passphrase of ${path}`, file));
  if (equalBytes(key.publicKey.keyId, first.publicKey.keyId)) {
    throw configInvalid(
      `${path} is the key that signs already; a second person signs with a key of their own`,
    );
  }
  return key;
}

const NOBODY: OrderCounter = { next: () => Promise.reject(new Error('nobody signs here')) };

async function openFleet(
  loaded: Loaded,
  context: Context,
  { cosignKey, signed, unkept, tokens }: Signing,
): Promise<Fleet> {
  const { config } = loaded;
  const signer = signed === true ? undefined : await context.signer();
  const cosigner =
    signer === undefined || cosignKey === undefined
      ? undefined
      : await openCosigner(cosignKey, signer.key, context);
  const receipts = await ReceiptFolder.open(receiptFolder(loaded));
  const bus = await openBus(loaded, (sentence) => context.terminal.warn(sentence));
  const fleet = new Fleet({
    bus,
    tenant: config.tenant,
    ...(signer === undefined ? {} : { key: signer.key }),
    ...(cosigner === undefined ? {} : { cosigners: [cosigner] }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(signer?.grants === undefined ? {} : { grants: signer.grants }),
    counter: signer?.counter ?? NOBODY,
    devices: config.devices,
    clock: systemClock,
    entropy: systemEntropy,
    keep: async (kept, { seq }) => {
      if (unkept === true) return;
      await receipts.keep({ tenant: kept.tenant, device: kept.device, seq }, encodeEvidence(kept));
    },
    keepOrder: (order) =>
      receipts.keepStaged(
        { tenant: order.tenant, device: order.device, id: toHex(order.id) },
        encodeStagedOrder(order),
      ),
  });
  const patience = systemClock.deadline(
    milliseconds(Math.min(CONNECT, context.timing.total ?? CONNECT)),
    'connecting to the broker',
  );
  let reason = '';
  const stop = bus.onState((state) => {
    if (state.is === 'down') reason = `: ${state.reason}`;
  });
  try {
    await fleet.connect(AbortSignal.any([patience.signal, context.signal]));
  } catch (error) {
    if (context.signal.aborted) throw error;
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

/** What a command works with. Nothing is opened before it is asked for. */
export function openContext(options: GlobalOptions): Context {
  const terminal = new Terminal();
  const interrupt = new AbortController();
  // Each host of a wide command listens to this one signal.
  setMaxListeners(0, interrupt.signal);
  process.once('SIGINT', () => {
    terminal.status('');
    interrupt.abort(new NsError('NS_INTERRUPTED', 'interrupted', { family: 'caller' }));
  });
  let loading: Promise<Loaded> | undefined;
  let signing: Promise<Signer> | undefined;
  const loaded = (): Promise<Loaded> => {
    loading ??= load(options);
    return loading;
  };
  const total = options.timeout === undefined ? undefined : milliseconds(parseWait(options.timeout));
  const lists = hostLists(interrupt.signal, MAX_HOSTS_TEXT);
  const context: Context = {
    terminal,
    json: options.json === true,
    timing: {
      ...(total === undefined ? {} : { total }),
      ...(options.fresh === true ? { by: 'nonce' as const } : {}),
    },
    signal: interrupt.signal,
    config: async () => (await loaded()).config,
    configFile: async () => {
      const { file } = await loaded();
      if (file !== undefined) return file;
      throw configInvalid('there is no configuration yet; "nightshift init" begins one');
    },
    directory: async () => (await loaded()).directory,
    receipts: async () => receiptFolder(await loaded()),
    hosts: async (range) => {
      const { config } = await loaded();
      const inventory = { devices: [...config.devices.keys()], groups: config.groups };
      return context.choose(
        range,
        (text) => resolveHosts(text, inventory),
        (name) => name,
      );
    },
    choose: (hosts, resolve, nameOf) =>
      chooseHosts({ hosts, allBut: options.allBut }, lists, resolve, nameOf),
    // Opened once: nobody types a passphrase twice.
    signer: () => {
      signing ??= loaded().then((found) => openSigner(found, options, context));
      return signing;
    },
    keyFile: async () => keyPath(await loaded(), options),
    withFleet: async (work, who = {}) => {
      const fleet = await openFleet(await loaded(), context, who);
      try {
        return await work(fleet);
      } finally {
        await fleet.close();
      }
    },
    passphrase: (question) => passphrase(terminal, question),
    secretOf: async (question, file) =>
      file === undefined ? terminal.secret(question) : passphrase(terminal, question, file),
  };
  return context;
}
