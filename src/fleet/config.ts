import * as v from 'valibot';
import { NsError, shapeConfig, suggest } from '../base/index.ts';
import type { PublicKey } from '../ports/index.ts';
import { NAME } from '../protocol/index.ts';
import {
  type BrokerSection,
  brokerSection,
  type KeyringEntry,
  publicKeyFromText,
  ROLES,
} from '../security/index.ts';
import { expandHosts } from './host-range.ts';
import { type IpmiConfig, ipmiConfigOf, ipmiSection, NO_IPMI } from './ipmi-config.ts';

const name = v.pipe(v.string(), v.regex(NAME, 'must be letters, digits, ".", "_" and "-"'));
const file = v.pipe(v.string(), v.minLength(1));

/** A key whose orders "verify" can check, as in a device's keyring. */
const person = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  person: v.optional(v.pipe(v.string(), v.maxLength(64))),
  role: v.picklist(ROLES),
  key: v.string(),
});

const configFile = v.strictObject({
  broker: v.optional(brokerSection),
  tenant: v.optional(name),
  key: v.optional(file),
  devices: v.optional(v.record(name, v.string())),
  groups: v.optional(v.record(name, v.union([v.string(), v.array(v.string())]))),
  ipmi: v.optional(ipmiSection),
  receipts: v.optional(file),
  budgetLedger: v.optional(file),
  people: v.optional(v.pipe(v.array(person), v.maxLength(1024))),
  grant: v.optional(file),
  trace: v.optional(v.union([v.boolean(), v.strictObject({ otlp: v.string() })])),
});

/** A configuration as it is written. */
export type ConfigFile = Omit<v.InferInput<typeof configFile>, 'broker'> & {
  /** A URL alone is short for a map with that url. */
  readonly broker?: string | v.InferInput<typeof brokerSection>;
};

/** What the environment may set: variable to key of the file. */
const ENVIRONMENT = {
  NIGHTSHIFT_BROKER: 'broker',
  NIGHTSHIFT_TENANT: 'tenant',
  NIGHTSHIFT_KEY: 'key',
} as const;
/** Read elsewhere. */
const OTHER_VARIABLES = [
  'NIGHTSHIFT_CONFIG',
  'NIGHTSHIFT_PASSPHRASE_FILE',
  'NIGHTSHIFT_COSIGN_PASSPHRASE_FILE',
  'NIGHTSHIFT_TOKEN_PASSPHRASE_FILE',
  'NIGHTSHIFT_IPMI_PASSWORD',
  'NIGHTSHIFT_IPMI_PASSWORD_FILE',
];

export interface OperatorConfig {
  readonly broker: BrokerSection | undefined;
  readonly tenant: string;
  /** Path of the operator's private key. */
  readonly keyFile: string | undefined;
  readonly devices: ReadonlyMap<string, PublicKey>;
  readonly groups: Readonly<Record<string, string>>;
  readonly ipmi: IpmiConfig;
  /** Where receipts are kept; the usual place where absent. */
  readonly receipts: string | undefined;
  /** Where a governor's ledger of tokens is; the usual place where absent. */
  readonly budgetLedger: string | undefined;
  /** Path of the grant by which the operator's key has its right. */
  readonly grantFile: string | undefined;
  /** Orders carry a trace; whereto their spans go by OTLP over HTTP, where somebody collects them. */
  readonly trace: boolean | { readonly otlp: string } | undefined;
  /** Whose orders "verify" can check. */
  readonly people: readonly KeyringEntry[];
}

export function configInvalid(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller', cause });
}

/**
 * The configuration from what the YAML file holds and from the environment, which wins. NS_CONFIG_INVALID names the
 * key, what is wrong with it, and for an unknown key the known one that it resembles.
 */
export function parseConfig(
  source: string,
  raw: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): OperatorConfig {
  const { broker: url, ...plain } = fromEnvironment(environment);
  const file = asMap(source, raw);
  // "broker: URL" is short for a map with that url; the environment replaces the url and leaves the certificates.
  const written = typeof file.broker === 'string' ? { url: file.broker } : file.broker;
  const link = url === undefined ? written : { ...(written as object | undefined), url };
  const merged: unknown = { ...file, ...plain, ...(link === undefined ? {} : { broker: link }) };
  const {
    broker: shaped,
    tenant,
    key,
    devices,
    groups,
    ipmi,
    receipts,
    budgetLedger,
    people,
    grant,
    trace,
  } = shapeConfig(configFile, merged, source);
  return {
    broker: shaped,
    tenant: tenant ?? 'default',
    keyFile: key,
    devices: deviceKeys(source, devices ?? {}),
    groups: groupRanges(source, groups ?? {}),
    ipmi: ipmi === undefined ? NO_IPMI : ipmiConfigOf(ipmi),
    receipts,
    budgetLedger,
    grantFile: grant,
    trace,
    people: people ?? [],
  };
}

function asMap(source: string, raw: unknown): Readonly<Record<string, unknown>> {
  if (raw === null || raw === undefined) return {};
  if (typeof raw === 'object' && !Array.isArray(raw)) return raw as Record<string, unknown>;
  throw configInvalid(`${source}: must be a map of keys, such as "broker: mqtts://broker.example"`);
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const set: Record<string, string> = {};
  const known: readonly string[] = [...Object.keys(ENVIRONMENT), ...OTHER_VARIABLES];
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith('NIGHTSHIFT_')) continue;
    if (Object.hasOwn(ENVIRONMENT, variable)) set[ENVIRONMENT[variable as keyof typeof ENVIRONMENT]] = value;
    else if (!known.includes(variable)) {
      // Other programs of this name have variables too; only what looks like a slip of ours is an error.
      const near = suggest(
        variable.slice(11),
        known.map((name) => name.slice(11)),
      );
      if (near !== undefined) {
        throw configInvalid(`environment: unknown variable ${variable}; did you mean NIGHTSHIFT_${near}?`);
      }
    }
  }
  return set;
}

function deviceKeys(source: string, devices: Readonly<Record<string, string>>): Map<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  for (const [device, text] of Object.entries(devices)) {
    try {
      keys.set(device, publicKeyFromText(text));
    } catch (error) {
      throw configInvalid(`${source}: "devices.${device}" is no public key such as ed25519:…`, error);
    }
  }
  return keys;
}

function groupRanges(
  source: string,
  groups: Readonly<Record<string, string | readonly string[]>>,
): Record<string, string> {
  const ranges: Record<string, string> = {};
  for (const [group, members] of Object.entries(groups)) {
    const range = typeof members === 'string' ? members : members.join(',');
    try {
      expandHosts(range);
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/ \[NS_\w+\]$/, '') : String(error);
      throw configInvalid(`${source}: "groups.${group}": ${why}`, error);
    }
    ranges[group] = range;
  }
  return ranges;
}
