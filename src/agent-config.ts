import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import { MOST_DEVICES } from './adapters/chain-link/relay-gateway.ts';
import { asNsError, NsError, sentenceOf, shapeConfig } from './base/index.ts';
import { checkedAddress, type LinkAddress, readLinkAddress } from './link-address.ts';
import { NAME } from './protocol/index.ts';
import { Keyring, ROLES } from './security/index.ts';

const name = v.pipe(v.string(), v.regex(NAME, 'must be letters, digits, ".", "_" and "-"'));
const file = v.pipe(v.string(), v.minLength(1));
const url = v.pipe(v.string(), v.regex(/^mqtts?:\/\/\S+$/, 'must begin with mqtt:// or mqtts://'));
const seconds = (from: number, to: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));

const broker = v.strictObject({
  url,
  /** PEM files, for mqtts. */
  ca: v.optional(file),
  cert: v.optional(file),
  key: v.optional(file),
  username: v.optional(v.string()),
  /** First line is the password. */
  passwordFile: v.optional(file),
});

/** A key that may give orders. */
const enrolled = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  person: v.optional(v.pipe(v.string(), v.maxLength(64))),
  role: v.picklist(ROLES),
  key: v.string(),
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
    afterSeconds: v.optional(seconds(1, 3600), 30),
    /** Of own storage, for packets that wait to go on. */
    spoolMiB: v.optional(seconds(1, 16), 4),
  }),
  v.check(({ above, below }) => above !== undefined || below !== undefined, 'needs a link, above or below'),
  v.check(({ above, below }) => above !== below, 'the links above and below are one and the same'),
);

const schema = v.strictObject({
  device: name,
  tenant: v.optional(name, 'default'),
  groups: v.optional(v.pipe(v.array(name), v.maxLength(6)), []),
  broker: v.union([url, broker]),
  /** Directory of the agent's own storage: journal, lock, keys, staged files. */
  state: file,
  keyring: v.pipe(v.array(enrolled), v.maxLength(256)),
  /** Host paths that no order may change, beside those of the board. */
  protectedPaths: v.optional(v.array(v.pipe(v.string(), v.startsWith('/'))), []),
  heartbeatSeconds: v.optional(seconds(5, 3600), 60),
  log: v.optional(v.picklist(['human', 'json', 'silent']), 'human'),
  limits: v.optional(
    v.strictObject({
      running: v.optional(seconds(1, 32), 4),
      open: v.optional(seconds(1, 512), 32),
      stagingMiB: v.optional(seconds(1, 1 << 20), 4096),
    }),
    {},
  ),
  relay: v.optional(relay),
  /** What the board sim-host simulates; judged by the simulator. */
  sim: v.optional(v.unknown()),
});

export type RelayConfig = Omit<v.InferOutput<typeof relay>, 'above' | 'below'> & {
  readonly links: readonly LinkAddress[];
};

export type AgentConfig = Omit<v.InferOutput<typeof schema>, 'broker' | 'keyring' | 'relay'> & {
  readonly relay?: RelayConfig;
  readonly broker: v.InferOutput<typeof broker>;
  readonly keyring: Keyring;
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
  const base = dirname(resolve(path));
  const at = (relative: string | undefined) => (relative === undefined ? {} : resolve(base, relative));
  const link = typeof config.broker === 'string' ? { url: config.broker } : config.broker;
  const { relay: wanted, ...rest } = config;
  if (wanted?.for.includes(config.device)) {
    throw invalid(`${path}: "relay.for": a device does not stand for itself`);
  }
  return {
    ...rest,
    base,
    ...(wanted === undefined ? {} : { relay: relayConfig(wanted, base, path) }),
    state: resolve(base, config.state),
    broker: {
      ...link,
      ...Object.fromEntries(
        (['ca', 'cert', 'key', 'passwordFile'] as const).flatMap((key) =>
          link[key] === undefined ? [] : [[key, at(link[key])]],
        ),
      ),
    },
    keyring: new Keyring(config.keyring),
  };
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
