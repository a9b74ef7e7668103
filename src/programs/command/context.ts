import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { hostLists } from '../../adapters/host-list.ts';
import { Terminal } from '../../adapters/operator-terminal.ts';
import { milliseconds, NsError } from '../../base/index.ts';
import {
  chooseHosts,
  configInvalid,
  type Fleet,
  type FleetOptions,
  HOSTS_AT_ONCE,
  MAX_HOSTS_TEXT,
  type OperatorConfig,
  type OrderTiming,
  parseCount,
  parseWait,
  resolveHosts,
} from '../../fleet/index.ts';
import { connectFleet } from '../operator-fleet.ts';
import {
  type OperatorSetup,
  openCosigner,
  openSigner,
  readSetup,
  receiptPlace,
  type Signer,
  signingKeyFile,
} from '../operator-setup.ts';
import type { Tracing } from '../operator-trace.ts';
import type { ProgressForm } from './progress.ts';

const MOST_AT_ONCE = 1024;

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly timeout?: string;
  readonly key?: string;
  readonly grant?: string;
  readonly fresh?: boolean;
  readonly atOnce?: string;
  readonly progress?: ProgressForm;
  readonly trace?: boolean;
  /** Of the command, where it takes hosts: those that are left out. */
  readonly allBut?: string;
}

export interface Context {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly timing: Partial<OrderTiming>;
  /** So many hosts are worked on at once. */
  readonly atOnce: number;
  readonly progress: ProgressForm;
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
  /** Receipts are shown and not kept: of what is asked again and again there would be no end. Or those of these orders only. */
  readonly unkept?: true | ((order: Uint8Array) => boolean);
  /** The tokens of destructive orders. */
  readonly tokens?: FleetOptions['tokens'];
}

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

async function open(
  context: Context,
  setup: OperatorSetup,
  { cosignKey, signed, unkept, tokens }: Signing,
  tracing: Tracing | undefined,
): Promise<Fleet> {
  const signer = signed === true ? undefined : await context.signer();
  const file = process.env.NIGHTSHIFT_COSIGN_PASSPHRASE_FILE;
  const cosigner =
    signer === undefined || cosignKey === undefined
      ? undefined
      : await openCosigner(cosignKey, signer.key, (path) => context.secretOf(`Passphrase of ${path}`, file));
  return connectFleet(setup, {
    signer,
    ...(cosigner === undefined ? {} : { cosigners: [cosigner] }),
    ...(tokens === undefined ? {} : { tokens }),
    tracer: tracing?.tracer,
    unkept,
    warn: (sentence) => context.terminal.warn(sentence),
    signal: context.signal,
    patience: context.timing.total,
  });
}

/** Nothing of it is loaded where nobody wants it. */
async function tracingOf(
  { trace }: OperatorConfig,
  options: GlobalOptions,
  warn: (sentence: string) => void,
): Promise<Tracing | undefined> {
  if (options.trace !== true && (trace === undefined || trace === false)) return undefined;
  const { openTracing } = await import('../operator-trace.ts');
  return openTracing(trace, {
    parent: process.env.TRACEPARENT,
    warn: (sentence) => warn(`nightshift: ${sentence}`),
  });
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
  let loading: Promise<OperatorSetup> | undefined;
  let signing: Promise<Signer> | undefined;
  const loaded = (): Promise<OperatorSetup> => {
    loading ??= readSetup(options.config, process.env);
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
    atOnce:
      options.atOnce === undefined
        ? HOSTS_AT_ONCE
        : parseCount(options.atOnce, 'number of hosts at once', 1, MOST_AT_ONCE),
    progress: options.progress ?? 'auto',
    signal: interrupt.signal,
    config: async () => (await loaded()).config,
    configFile: async () => {
      const { file } = await loaded();
      if (file !== undefined) return file;
      throw configInvalid('there is no configuration yet; "nightshift init" begins one');
    },
    directory: async () => (await loaded()).directory,
    receipts: async () => receiptPlace(await loaded()),
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
      signing ??= loaded().then((setup) =>
        openSigner(setup, options, (keyFile) => context.passphrase(`Passphrase of ${keyFile}`)),
      );
      return signing;
    },
    keyFile: async () => signingKeyFile(await loaded(), options.key),
    withFleet: async (work, who = {}) => {
      const setup = await loaded();
      const tracing = await tracingOf(setup.config, options, (sentence) => terminal.warn(sentence));
      const fleet = await open(context, setup, who, tracing);
      try {
        return await work(fleet);
      } finally {
        await fleet.close();
        await tracing?.close();
      }
    },
    passphrase: (question) => passphrase(terminal, question),
    secretOf: async (question, file) =>
      file === undefined ? terminal.secret(question) : passphrase(terminal, question, file),
  };
  return context;
}
