import { milliseconds, NsError } from '../../base/index.ts';
import { type ConfigFile, HOSTS_AT_ONCE, type OrderTiming, stageArgs } from '../../fleet/index.ts';
import type { Span } from '../../ports/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';

/** Gives the passphrase of a private key that is encrypted. */
export type Passphrase = string | ((keyFile: string) => string | Promise<string>);

export interface OpenOptions {
  /** The configuration of the command: a file, or what such a file says. The environment has no say in it. */
  readonly config: string | ConfigFile;
  /** File names in a configuration that is no file are relative to this; the working directory where absent. */
  readonly directory?: string | undefined;
  /** A key file, or a key of the ssh-agent, in the place of the configured one. */
  readonly key?: string | undefined;
  /** By which that key has its right, where somebody passed it on. */
  readonly grant?: string | undefined;
  readonly passphrase?: Passphrase | undefined;
  /** False opens no key: then only what others have signed is sent, and receipts are checked. */
  readonly signing?: boolean | undefined;
  /** False keeps no receipts. By default they are where the configuration says, and an order is not sent where they cannot be. */
  readonly keepReceipts?: boolean | undefined;
  /** So many hosts are worked on at once, over all that this fleet does; 32 where absent, 1024 at most. */
  readonly atOnce?: number | undefined;
  /** Told where the link to the broker is not what it should be: no TLS, no check of who it is. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
  /** Orders carry a W3C trace context, which their devices must know; also where the configuration says `trace`. */
  readonly trace?: TraceOptions | undefined;
  /** For the opening alone. */
  readonly signal?: AbortSignal | undefined;
}

export interface TraceOptions {
  /** The traceparent of what gives the order, asked for at each; without one an order begins a trace of its own. */
  readonly parent?: (() => string | undefined) | undefined;
  /** Given the spans of each order as it ends, the device's own derived from its receipt. */
  readonly onSpans?: ((spans: readonly Span[]) => void) | undefined;
}

/** What every order takes. */
export interface OrderControl {
  /** Stops waiting, and rejects with its reason. An order that its device has is not taken back by that: see `cancel`. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after this long; 24 hours where absent. */
  readonly timeoutMs?: number | undefined;
  /** For the device to say that it has the order; after that it is unreachable. 20 seconds where absent. */
  readonly acceptMs?: number | undefined;
  /** Binds the order to a nonce that the device gives out now, not to its wall clock. */
  readonly fresh?: boolean | undefined;
  /** Of the hosts, these are left out. */
  readonly allBut?: string | readonly string[] | undefined;
  /** So many hosts of this one at once; those of the fleet where absent. */
  readonly atOnce?: number | undefined;
}

/** What a destructive order takes: a second person, and tokens of the budget. */
export interface TwoPeople {
  /** Private key of the second person: a file, or a key of the ssh-agent. */
  readonly cosigner?: string | undefined;
  /** Of that key; the fleet's where absent. */
  readonly passphrase?: Passphrase | undefined;
  /** File with the tokens, as the governor has signed them. */
  readonly tokens?: string | undefined;
}

export interface WriteControl extends OrderControl {
  /** Say what would change, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Write only if the effect has this hash, from the result of a dry run. */
  readonly approve?: Uint8Array | undefined;
  /** Replay a dirty journal first. */
  readonly replay?: boolean | undefined;
  /** If it may not be done now, have the device keep the order, so long at most: "12h", "3d"; true for 7 days. */
  readonly stage?: string | true | undefined;
  /** Stay until a staged order has ended; else that it is staged is its outcome. */
  readonly untilEnded?: boolean | undefined;
  readonly twoPeople?: TwoPeople | undefined;
}

const MOST_AT_ONCE = 1024;

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

/** NS_USAGE where it is no such number. */
export function placesOf(atOnce: number | undefined, usual: number = HOSTS_AT_ONCE): number {
  if (atOnce === undefined) return usual;
  if (Number.isInteger(atOnce) && atOnce >= 1 && atOnce <= MOST_AT_ONCE) return atOnce;
  throw usage(`atOnce: ${atOnce} is no whole number from 1 to ${MOST_AT_ONCE}`);
}

/** NS_KEY_FILE where a key is encrypted and nothing was given for it. */
export async function askPassphrase(passphrase: Passphrase | undefined, keyFile: string): Promise<string> {
  if (passphrase === undefined) {
    throw new NsError('NS_KEY_FILE', `${keyFile} is encrypted, and no passphrase was given`, {
      family: 'caller',
    });
  }
  return typeof passphrase === 'string' ? passphrase : passphrase(keyFile);
}

function waitOf(name: string, ms: number): ReturnType<typeof milliseconds> {
  if (Number.isFinite(ms) && ms > 0) return milliseconds(Math.ceil(ms));
  throw usage(`${name}: ${ms} is no time to wait`);
}

export function timingIn({ timeoutMs, acceptMs, fresh }: OrderControl): Partial<OrderTiming> {
  return {
    ...(timeoutMs === undefined ? {} : { total: waitOf('timeoutMs', timeoutMs) }),
    ...(acceptMs === undefined ? {} : { accept: waitOf('acceptMs', acceptMs) }),
    ...(fresh === true ? { by: 'nonce' as const } : {}),
  };
}

/** What the order itself says of how it writes. NS_USAGE. */
export function writingArgs({
  dryRun,
  replay,
  stage,
}: WriteControl): Pick<ArgsOf<'file.delete'>, 'dryRun' | 'replay' | 'stage'> {
  return {
    ...(dryRun === true ? { dryRun } : {}),
    ...(replay === true ? { replay } : {}),
    ...stageArgs({
      ...(stage === undefined ? {} : { stage: true }),
      ...(typeof stage === 'string' ? { until: stage } : {}),
      ...(dryRun === true ? { dryRun } : {}),
    }),
  };
}
