import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import { MOST_DEVICES } from '../../adapters/chain-link/gateway-limits.ts';
import { asNsError, NsError, sentenceOf, shapeConfig } from '../../base/index.ts';
import { NAME } from '../../protocol/index.ts';
import {
  type BrokerSection,
  brokerSection,
  brokerUrl,
  checkRoots,
  Keyring,
  MAX_PER_EPOCH,
  ROLES,
  type RootSet,
  rootSet,
  scope,
} from '../../security/index.ts';
import { checkedAddress, type LinkAddress, readLinkAddress } from '../link-address.ts';
import {
  type BmcConfig,
  bmc,
  bmcConfig,
  hostInterface,
  hostPowerConfig,
  type PowerByIpmi,
  powerByIpmi,
} from './config-ipmi.ts';

const name = v.pipe(v.string(), v.regex(NAME, 'must be letters, digits, ".", "_" and "-"'));
const file = v.pipe(v.string(), v.minLength(1));
const whole = (from: number, to: number) => v.pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));

/** A key that may give orders. */
const enrolled = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  person: v.optional(v.pipe(v.string(), v.maxLength(64))),
  role: v.picklist(ROLES),
  key: v.string(),
  /** A part of what the role may do; all of it where absent. */
  scopes: v.optional(v.pipe(v.array(scope), v.maxLength(16))),
  /** Seconds since 1970. */
  notAfter: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

const link = v.pipe(v.string(), v.minLength(1));

/** Orders and receipts by the neighbours in the chain, where a network is dead. */
const relay = v.pipe(
  v.strictObject({
    /** Links as in nightshift-chain. */
    above: v.optional(link),
    below: v.optional(link),
    /** Neighbours whose orders this device fetches from the broker, and whose receipts it brings there. */
    for: v.optional(
      v.pipe(
        v.array(name),
        v.maxLength(MOST_DEVICES),
        v.check((all) => new Set(all).size === all.length, 'names a device twice'),
      ),
      [],
    ),
    /** How long the own connection must be away before the chain is used. */
    afterSeconds: v.optional(whole(1, 3600), 30),
    /** Of own storage, for packets that wait to go on. */
    spoolMiB: v.optional(whole(1, 16), 4),
  }),
  v.check(({ above, below }) => above !== undefined || below !== undefined, 'needs a link, above or below'),
  v.check(({ above, below }) => above !== below, 'the links above and below are one and the same'),
);

const schema = v.strictObject({
  device: name,
  tenant: v.optional(name, 'default'),
  groups: v.optional(v.pipe(v.array(name), v.maxLength(6)), []),
  broker: v.union([brokerUrl, brokerSection]),
  /** Directory of the agent's own storage: journal, lock, keys, staged files. */
  state: file,
  /** Directory for a third copy of the lock's record; on another medium, or it is worth nothing. */
  lockWitness: v.optional(file),
  /** Beside what the board holds: a password on each drive that has a lock of its own. */
  lock: v.optional(v.strictObject({ driveSecurity: v.optional(v.boolean(), false) })),
  /** Days of the device's own running time without a fresh order, after which it disables its machine. */
  absenceLock: v.optional(v.strictObject({ days: whole(14, 3650) })),
  /** The first enrolment: it counts until a keyring document was accepted. */
  keyring: v.optional(v.pipe(v.array(enrolled), v.maxLength(256))),
  /** Who signs the first keyring document. Without it this device accepts none. */
  keyringRoots: v.optional(rootSet),
  /** A signed keyring document, taken in at each start where it is newer than the one in force. */
  keyringFile: v.optional(file),
  /** Host paths that no order may change, beside those of the board. */
  protectedPaths: v.optional(v.array(v.pipe(v.string(), v.startsWith('/'))), []),
  heartbeatSeconds: v.optional(whole(5, 3600), 60),
  log: v.optional(v.picklist(['human', 'json', 'silent']), 'human'),
  /** "required": programs work on host disks only where all that confines them is to be had; "best" where absent. */
  toolConfinement: v.optional(v.picklist(['best', 'required'])),
  limits: v.optional(
    v.strictObject({
      running: v.optional(whole(1, 32), 4),
      open: v.optional(whole(1, 512), 32),
      stagingMiB: v.optional(whole(1, 1 << 20), 4096),
    }),
    {},
  ),
  /** For destructive orders, until the first change by an order; see docs/security.md. */
  budget: v.optional(
    v.strictObject({
      /** How many of a kind an epoch has room for, the whole fleet together. */
      lock: v.optional(whole(0, MAX_PER_EPOCH), 10),
      wipe: v.optional(whole(0, MAX_PER_EPOCH), 10),
      /** Files that one key may remove or replace without a token in a day. */
      plain: v.optional(whole(0, 1_000_000), 256),
      /** How long a raise waits. */
      raiseDelayHours: v.optional(whole(1, 24 * 365), 24),
    }),
  ),
  relay: v.optional(relay),
  /** A serial line on which somebody at the device can ask how it stands, and release it without a network. */
  console: v.optional(
    v.strictObject({
      path: file,
      baud: v.optional(whole(300, 4_000_000), 9600),
      host: v.optional(v.unknown()),
    }),
  ),
  ipmi: v.optional(bmc),
  hostInterface: v.optional(hostInterface),
  hostPower: v.optional(v.strictObject({ ipmi: v.optional(powerByIpmi) }), {}),
  /** Metrics for Prometheus; judged by metrics-config.ts. */
  metrics: v.optional(v.unknown()),
  /** What the board sim-host simulates; judged by the simulator. */
  sim: v.optional(v.unknown()),
  /** The machine of the board qemu-host; judged by its adapter. */
  qemu: v.optional(v.unknown()),
  /** Of the device's own firmware; judged by firmware-config.ts. */
  firmware: v.optional(v.unknown()),
  /** What differs on this machine from a board that Linux drives; judged by its adapter. */
  linux: v.optional(v.unknown()),
});

export type RelayConfig = Omit<v.InferOutput<typeof relay>, 'above' | 'below'> & {
  readonly links: readonly LinkAddress[];
};

export type AgentConfig = Omit<
  v.InferOutput<typeof schema>,
  'broker' | 'keyring' | 'keyringRoots' | 'relay' | 'ipmi' | 'hostPower'
> & {
  readonly ipmi?: BmcConfig;
  readonly hostPower?: { readonly ipmi?: PowerByIpmi };
  readonly relay?: RelayConfig;
  readonly broker: BrokerSection;
  readonly keyring: Keyring;
  readonly keyringRoots?: RootSet | undefined;
  /** Paths in the file are relative to this. */
  readonly base: string;
};

/** Reads the agent's YAML file; the environment's NIGHTSHIFT_BROKER and NIGHTSHIFT_STATE win. NS_CONFIG_INVALID. */
export async function readAgentConfig(path: string, environment: NodeJS.ProcessEnv): Promise<AgentConfig> {
  const raw: unknown = await readYaml(path);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new NsError('NS_CONFIG_INVALID', `${path}: must be a map of keys, such as "device: host1"`, {
      family: 'caller',
    });
  }
  const merged = {
    ...raw,
    ...(environment.NIGHTSHIFT_BROKER === undefined ? {} : { broker: environment.NIGHTSHIFT_BROKER }),
    ...(environment.NIGHTSHIFT_STATE === undefined ? {} : { state: environment.NIGHTSHIFT_STATE }),
  };
  const config = shapeConfig(schema, merged, path);
  if (config.keyring === undefined && config.keyringRoots === undefined) {
    throw invalid(`${path}: "keyring" is missing, or "keyringRoots": nobody could give an order`);
  }
  const base = dirname(resolve(path));
  const at = (relative: string | undefined) => (relative === undefined ? {} : resolve(base, relative));
  const link: BrokerSection = typeof config.broker === 'string' ? { url: config.broker } : config.broker;
  const { relay: wanted, ipmi: _bmc, hostPower: _power, ...rest } = config;
  if (wanted?.for.includes(config.device)) {
    throw invalid(`${path}: "relay.for": a device does not stand for itself`);
  }
  return {
    ...rest,
    base,
    ...(wanted === undefined ? {} : { relay: relayConfig(wanted, base, path) }),
    ...(config.ipmi === undefined ? {} : { ipmi: bmcConfig(config.ipmi, base) }),
    ...(config.console === undefined
      ? {}
      : { console: { ...config.console, path: resolve(base, config.console.path) } }),
    hostPower: hostPowerConfig(config.hostPower, base),
    state: resolve(base, config.state),
    ...(config.lockWitness === undefined
      ? {}
      : { lockWitness: witnessPath(base, config.state, config.lockWitness, path) }),
    broker: {
      ...link,
      ...Object.fromEntries(
        (['ca', 'cert', 'key', 'passwordFile'] as const).flatMap((key) =>
          link[key] === undefined ? [] : [[key, at(link[key])]],
        ),
      ),
    },
    keyring: new Keyring(config.keyring ?? []),
    keyringRoots: config.keyringRoots && checkRoots(config.keyringRoots),
    ...(config.keyringFile === undefined ? {} : { keyringFile: resolve(base, config.keyringFile) }),
  };
}

function witnessPath(base: string, state: string, witness: string, path: string): string {
  const at = resolve(base, witness);
  const within = `${at}/`.startsWith(`${resolve(base, state)}/`);
  if (within)
    throw invalid(`${path}: "lockWitness" lies in the state directory, and would be put back with it`);
  return at;
}

function relayConfig(
  { above, below, ...rest }: v.InferOutput<typeof relay>,
  base: string,
  path: string,
): RelayConfig {
  const links = Object.entries({ above, below }).flatMap(([key, text]) => {
    if (text === undefined) return [];
    try {
      const address = readLinkAddress(text);
      return address.is === 'serial'
        ? [address]
        : [checkedAddress({ ...address, path: resolve(base, address.path) })];
    } catch (error) {
      throw invalid(`${path}: "relay.${key}": ${asNsError(error).sentence}`);
    }
  });
  return { ...rest, links };
}

function invalid(sentence: string): NsError {
  return new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller' });
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8'), { maxAliasCount: 0 });
  } catch (cause) {
    throw new NsError('NS_CONFIG_INVALID', `${path} cannot be read: ${sentenceOf(cause)}`, {
      family: 'caller',
      cause,
    });
  }
}
