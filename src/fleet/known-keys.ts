import * as v from 'valibot';
import { NsError, shapeConfig } from '../base/index.ts';
import type { PublicKey } from '../ports/index.ts';
import { NAME } from '../protocol/index.ts';
import { Keyring, type KeyringEntry, publicKeyFromText, ROLES } from '../security/index.ts';
import type { OperatorConfig } from './config.ts';
import type { KnownKeys } from './verify-receipt.ts';

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
/** What checking needs of an entry; what else a device's keyring may say is not judged here. */
const entries = v.object({
  keys: v.array(v.object({ name: text, person: v.optional(text), role: v.picklist(ROLES), key: v.string() })),
});

/**
 * All public keys that "verify" may believe: the configuration's, those of keyrings, and devices given as NAME=KEY. A
 * device may have had several keys. NS_CONFIG_INVALID, NS_USAGE.
 */
export function knownKeys(
  config: Pick<OperatorConfig, 'devices' | 'people' | 'tenant'>,
  keyrings: readonly { readonly source: string; readonly raw: unknown }[],
  devices: readonly string[],
): KnownKeys {
  const byDevice = new Map<string, PublicKey[]>();
  for (const [name, key] of config.devices) byDevice.set(name, [key]);
  for (const given of devices) {
    const [name, key] = deviceKey(given);
    byDevice.set(name, [...(byDevice.get(name) ?? []), key]);
  }
  const listed = keyrings.flatMap(({ source, raw }) => shapeConfig(entries, { keys: raw }, source).keys);
  return {
    devices: byDevice,
    people: new Keyring(distinct([...config.people, ...listed])),
    tenant: config.tenant,
  };
}

function deviceKey(given: string): [string, PublicKey] {
  const at = given.indexOf('=');
  const name = given.slice(0, Math.max(0, at));
  try {
    if (!NAME.test(name)) throw new Error('no name');
    return [name, publicKeyFromText(given.slice(at + 1))];
  } catch (cause) {
    throw new NsError('NS_USAGE', `"${given}" is no device and its key, such as rack1=ed25519:…`, {
      family: 'caller',
      cause,
    });
  }
}

/** Each key once; somebody who has had several keys gets a number behind his name. */
function distinct(all: readonly KeyringEntry[]): KeyringEntry[] {
  const names = new Set<string>();
  const byKey = new Map<string, KeyringEntry>();
  for (const entry of all) {
    if (byKey.has(entry.key)) continue;
    let { name } = entry;
    for (let n = 2; names.has(name); n += 1) name = `${entry.name} ${n}`;
    names.add(name);
    byKey.set(entry.key, { name, person: entry.person ?? entry.name, role: entry.role, key: entry.key });
  }
  return [...byKey.values()];
}
