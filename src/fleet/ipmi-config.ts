import * as v from 'valibot';
import { NAME } from '../protocol/index.ts';

const text = v.pipe(v.string(), v.minLength(1));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const suites = v.pipe(v.array(v.picklist([17, 3])), v.minLength(1));
const level = v.picklist(['user', 'operator', 'administrator']);

const login = {
  user: v.optional(text),
  /** A file whose first line is the password: a password in this file would be read with it. */
  passwordFile: v.optional(text),
  port: v.optional(port),
  suites: v.optional(suites),
  level: v.optional(level),
  quirks: v.optional(v.array(text)),
  /** A file with Kg, where the BMC has one. */
  bmcKeyFile: v.optional(text),
};

const host = v.strictObject({ address: v.optional(text), ...login });

/** The section `ipmi` of the operator's configuration. */
export const ipmiSection = v.strictObject({
  defaults: v.optional(v.strictObject(login)),
  /** An address alone is short for an entry with that address; the name is the address of an entry without one. */
  hosts: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(NAME, 'must be letters, digits, ".", "_" and "-"')),
      v.nullable(v.union([text, host])),
    ),
  ),
  /** Which BMCs have spoken cipher suite 17. */
  pins: v.optional(text),
});

export type IpmiLevel = v.InferOutput<typeof level>;
export type IpmiSuite = v.InferOutput<typeof suites>[number];

/** How to get at one BMC; what is not said here comes from the command line or has a default. */
export interface IpmiLogin {
  readonly user?: string;
  /** As written: relative to the configuration file. */
  readonly passwordFile?: string;
  readonly port?: number;
  readonly suites?: readonly IpmiSuite[];
  readonly level?: IpmiLevel;
  readonly quirks?: readonly string[];
  readonly bmcKeyFile?: string;
}

export interface IpmiHost extends IpmiLogin {
  readonly address: string;
}

export interface IpmiConfig {
  /** For addresses that have no entry; entries have them already. */
  readonly defaults: IpmiLogin;
  readonly hosts: ReadonlyMap<string, IpmiHost>;
  /** File name as written; undefined for the usual place. */
  readonly pins: string | undefined;
}

export const NO_IPMI: IpmiConfig = { defaults: {}, hosts: new Map(), pins: undefined };

export function ipmiConfigOf(section: v.InferOutput<typeof ipmiSection>): IpmiConfig {
  const defaults = present(section.defaults ?? {});
  const hosts = new Map<string, IpmiHost>();
  for (const [name, entry] of Object.entries(section.hosts ?? {})) {
    const own = typeof entry === 'string' ? { address: entry } : (entry ?? {});
    hosts.set(name, { address: name, ...defaults, ...present(own) });
  }
  return { defaults, hosts, pins: section.pins };
}

/** Without the keys that are there and say nothing. */
function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
