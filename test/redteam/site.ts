import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyStore } from '../../src/ports/index.ts';
import {
  Keyring,
  type KeyringDocument,
  publicKeyText,
  type Role,
  type RootSet,
  signKeyring,
} from '../../src/security/index.ts';
import { testKey } from '../kit/keys.ts';

export const TENANT = 'acme';
/** Another fleet of the same people. */
export const OTHER_TENANT = 'lab';

/**
 * A small site that needs all of three people: two officers and a governor, of whom each has a root key, and all three must sign
 * a keyring. Nobody's absence can be made up for by the rest.
 */
export const PEOPLE = ['sam', 'tess', 'gus', 'olga', 'tom', 'ada'] as const;
export type Person = (typeof PEOPLE)[number];

interface Held {
  readonly person: Person;
  readonly role: Role;
  readonly key: KeyStore;
}

const held = (person: Person, role: Role): Held => ({ person, role, key: testKey() });

/** Every private key there is, by its name in the keyring. */
export const KEYS = {
  sam: held('sam', 'security'),
  'sam-2': held('sam', 'security'),
  tess: held('tess', 'security'),
  'tess-2': held('tess', 'security'),
  gus: held('gus', 'governor'),
  olga: held('olga', 'operator'),
  tom: held('tom', 'technician'),
  ada: held('ada', 'auditor'),
  'sam-root': held('sam', 'root'),
  'sam-root-2': held('sam', 'root'),
  'tess-root': held('tess', 'root'),
  'tess-root-2': held('tess', 'root'),
  'gus-root': held('gus', 'root'),
  'gus-root-2': held('gus', 'root'),
} as const;
export type KeyName = keyof typeof KEYS;
export const KEY_NAMES = Object.keys(KEYS) as readonly KeyName[];

/** An officer of the first keyring who left; the attacker has bought the old key. */
export const vic = testKey();

const textOf = (key: KeyStore): string => publicKeyText(key.publicKey);

export const ROOTS: RootSet = {
  threshold: 3,
  keys: KEY_NAMES.filter((name) => KEYS[name].role === 'root').map((name) => ({
    name,
    person: KEYS[name].person,
    key: textOf(KEYS[name].key),
  })),
};

export function grantOf(
  name: string,
  person: string,
  role: Exclude<Role, 'root'>,
  key: KeyStore,
): KeyringDocument['keys'][number] {
  return { name, person, role, key: textOf(key) };
}

const STAFF = KEY_NAMES.flatMap((name) => {
  const { person, role, key } = KEYS[name];
  return role === 'root' ? [] : [grantOf(name, person, role, key)];
});

export function keyring(change: Partial<KeyringDocument> = {}): KeyringDocument {
  return {
    v: 1,
    version: IN_FORCE,
    tenant: TENANT,
    roots: ROOTS,
    keys: STAFF,
    revoked: [vic.publicKey.keyId],
    ...change,
  };
}

/** Version of the keyring that all hosts have. */
export const IN_FORCE = 3;

const EVERY_ROOT = ['sam-root', 'tess-root', 'gus-root'] as const;
const signed = (change: Partial<KeyringDocument>): Promise<Uint8Array> =>
  signKeyring(
    keyring(change),
    EVERY_ROOT.map((name) => KEYS[name].key),
  );

/** The documents that a fleet server has kept, each signed by all three. */
export const PAPERS = {
  /** With vic, who is revoked by now. */
  first: await signed({ version: 1, keys: [...STAFF, grantOf('vic', 'vic', 'security', vic)], revoked: [] }),
  second: await signed({ version: 2 }),
  inForce: await signed({}),
  /** Of the other tenant, newer, with vic. */
  lab: await signed({
    tenant: OTHER_TENANT,
    version: 9,
    keys: [...STAFF, grantOf('vic', 'vic', 'security', vic)],
    revoked: [],
  }),
} as const;

/** What an agent is given at its place: whose word counts, and the document. */
export const enrolment = (keyringFile: string) => ({
  tenant: TENANT,
  keyring: new Keyring([]),
  keyringRoots: ROOTS,
  keyringFile,
});

/** More than one key may remove in a day without a token. */
const MANY_FILES = 300;

/** A disk with what a host cannot do without, what a user can, and ways from the one to the other. */
export async function fillDisk(tree: string): Promise<void> {
  for (const directory of ['boot', 'etc/ssh', 'usr/bin', 'home/olga/docs', 'var/log']) {
    await mkdir(join(tree, directory), { recursive: true });
  }
  for (const file of ['boot/vmlinuz', 'etc/passwd', 'etc/shadow', 'etc/fstab', 'etc/ssh/sshd_config']) {
    await writeFile(join(tree, file), `${file}\n`);
  }
  for (const file of [
    'usr/bin/true',
    'usr/bin/sh',
    'var/log/messages',
    'home/olga/note',
    'home/olga/docs/a',
  ]) {
    await writeFile(join(tree, file), `${file}\n`);
  }
  await mkdir(join(tree, 'home/olga/many'));
  for (let n = 0; n < MANY_FILES; n += 1) await writeFile(join(tree, 'home/olga/many', `${n}`), '');
  await symlink('usr/bin', join(tree, 'bin'));
  await symlink('/usr', join(tree, 'home/olga/u'));
  await symlink('../../etc/passwd', join(tree, 'home/olga/p'));
  await symlink('/', join(tree, 'home/olga/slash'));
}
