import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as v from 'valibot';

const file = v.pipe(v.string(), v.minLength(1));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const suites = v.pipe(
  v.array(v.picklist([17, 3])),
  v.minLength(1),
  v.check((all) => new Set(all).size === all.length, 'names a suite twice'),
);
const ipmiUser = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,16}$/, 'has 1 to 16 printable characters'));

/** The BMC side: what other tools of the fleet see of this machine over IPMI. Off where it is not here. */
export const bmc = v.strictObject({
  listen: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check((text) => isIP(text) !== 0, 'must be an address in digits'),
        ),
      ),
      v.minLength(1),
      v.maxLength(8),
      v.check((all) => new Set(all).size === all.length, 'names an address twice'),
    ),
    ['127.0.0.1'],
  ),
  port: v.optional(port, 623),
  suites: v.optional(suites, [17]),
  accounts: v.pipe(
    v.array(
      v.strictObject({
        name: ipmiUser,
        /** First line is the password: 1 to 20 bytes. */
        passwordFile: file,
        level: v.optional(v.picklist(['user', 'operator', 'administrator']), 'user'),
      }),
    ),
    v.minLength(1),
    v.maxLength(15),
    v.check((all) => new Set(all.map((a) => a.name)).size === all.length, 'names an account twice'),
  ),
  /** First line is Kg, the BMC's own key, beside the accounts' passwords: a text of 1 to 20 bytes, or 0x and 40 digits. */
  bmcKeyFile: v.optional(file),
  /** Who may join the host's console. */
  consoleLevel: v.optional(v.picklist(['operator', 'administrator']), 'operator'),
});

/** Devices by which the host itself asks its BMC, where this machine is that BMC. */
export const hostInterface = v.strictObject({
  kcs: v.optional(v.pipe(v.array(file), v.maxLength(4)), []),
  bt: v.optional(v.pipe(v.array(file), v.maxLength(4)), []),
});

/** The board's own BMC, asked for the host's power beside the board's other sources. */
export const powerByIpmi = v.strictObject({
  host: v.pipe(v.string(), v.minLength(1)),
  port: v.optional(port, 623),
  user: ipmiUser,
  passwordFile: file,
  /** Kg, where that BMC has one. */
  bmcKeyFile: v.optional(file),
  suites: v.optional(suites, [17]),
  /** What that BMC is allowed to get wrong; names as for "nightshift ipmi --quirks", judged by the client. */
  quirks: v.optional(v.array(v.string()), []),
  /** False: where it does not answer, the other sources decide. */
  required: v.optional(v.boolean(), true),
  /** While the machine is disabled: restore policy always-off, no boot device. Its user needs the level operator. */
  guardBoot: v.optional(v.boolean()),
});

export type BmcConfig = v.InferOutput<typeof bmc>;
export type HostInterfaceConfig = v.InferOutput<typeof hostInterface>;
export type PowerByIpmi = v.InferOutput<typeof powerByIpmi>;

export function bmcConfig(config: BmcConfig, base: string): BmcConfig {
  const { bmcKeyFile } = config;
  return {
    ...config,
    accounts: config.accounts.map((account) => ({
      ...account,
      passwordFile: resolve(base, account.passwordFile),
    })),
    ...(bmcKeyFile === undefined ? {} : { bmcKeyFile: resolve(base, bmcKeyFile) }),
  };
}

export function hostPowerConfig({ ipmi }: { readonly ipmi?: PowerByIpmi | undefined }, base: string) {
  if (ipmi === undefined) return {};
  const { passwordFile, bmcKeyFile } = ipmi;
  return {
    ipmi: {
      ...ipmi,
      passwordFile: resolve(base, passwordFile),
      ...(bmcKeyFile === undefined ? {} : { bmcKeyFile: resolve(base, bmcKeyFile) }),
    },
  };
}
