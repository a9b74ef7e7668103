import { toHex } from '../base/index.ts';
import {
  encodeKeyring,
  type GrantedKey,
  type KeyringDocument,
  keyringHash,
  publicKeyFromText,
  type RootSet,
  type Scope,
  signersOf,
} from '../security/index.ts';
import { counted, table, timeText } from '../show/index.ts';
import type { KeyringFile } from './keyring-edit.ts';

const keyId = (text: string): string => `key ${toHex(publicKeyFromText(text).keyId)}`;
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function scopeText({ verbs, hosts, paths, states }: Scope): string {
  const parts = [
    verbs === undefined ? 'all that the role may' : verbs.join(', '),
    ...(hosts === undefined ? [] : [`on ${hosts.join(', ')}`]),
    ...(paths === undefined ? [] : [`under ${paths.join(', ')}`]),
    ...(states === undefined ? [] : [`while the host is in ${states.join(', ')}`]),
  ];
  return parts.join(' ');
}

/** What a key may, in words. */
export function grantText({
  role,
  scopes,
  notAfter,
}: Pick<GrantedKey, 'role' | 'scopes' | 'notAfter'>): string {
  const may =
    scopes === undefined
      ? `all that ${role} may`
      : scopes.length === 0
        ? 'nothing'
        : scopes.map(scopeText).join('; or ');
  return `${may}${notAfter === undefined ? '' : `, until ${timeText(notAfter)}`}`;
}

function signedText(file: KeyringFile, roots: RootSet, whose: string): string {
  const people = file.signed === undefined ? [] : signersOf(file.signed, roots);
  const who = people.length === 0 ? 'nobody' : people.join(', ');
  const missing = roots.threshold - people.length;
  return `signed by, of ${whose}: ${who}${missing > 0 ? ` (${counted(missing, 'more person').replace('persons', 'people')} needed)` : ' (enough)'}`;
}

/** Everything that a signature would be under, in words; and, beside the keyring before it, what changes. */
export function showKeyring(file: KeyringFile, before?: KeyringFile): string[] {
  const { document } = file;
  const { roots, keys, revoked } = document;
  return [
    `keyring of the tenant "${document.tenant}", version ${document.version}`,
    `hash: ${toHex(keyringHash(encodeKeyring(document)))}`,
    `changed by: ${roots.threshold} different ${roots.threshold === 1 ? 'person' : 'people'} of these roots`,
    ...indented(table(roots.keys.map((root) => [root.name, `held by ${root.person}`, keyId(root.key)]))),
    keys.length === 0 ? 'nobody else is known' : `${counted(keys.length, 'key')}:`,
    ...indented(
      table(
        keys.map((key) => [
          key.name,
          `held by ${key.person}`,
          key.role,
          keyId(key.key),
          `may: ${grantText(key)}`,
        ]),
      ),
    ),
    ...(revoked.length === 0 ? [] : [`never again: ${revoked.map((id) => `key ${toHex(id)}`).join(', ')}`]),
    ...(before === undefined
      ? []
      : [
          `changes to version ${before.document.version}:`,
          ...indented(keyringChanges(before.document, document)),
        ]),
    signedText(file, roots, 'its own roots'),
    ...(before?.signed === undefined ? [] : [signedText(file, before.document.roots, 'the roots before')]),
  ];
}

interface Line {
  readonly key: string;
  readonly text: string;
}

function linesOf({ roots, keys }: KeyringDocument): ReadonlyMap<string, Line> {
  const lines = new Map<string, Line>();
  for (const root of roots.keys)
    lines.set(root.name, { key: root.key, text: `root, held by ${root.person}, ${keyId(root.key)}` });
  for (const key of keys) {
    const text = `${key.role}, held by ${key.person}, ${keyId(key.key)}, may: ${grantText(key)}`;
    lines.set(key.name, { key: key.key, text });
  }
  return lines;
}

/** What a keyring changes of another, a line each. */
export function keyringChanges(before: KeyringDocument, after: KeyringDocument): string[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const known = new Set(before.revoked.map(toHex));
  const changes = [
    ...(before.tenant === after.tenant ? [] : [`TENANT: was "${before.tenant}"`]),
    ...(before.roots.threshold === after.roots.threshold
      ? []
      : [`signatures needed: ${before.roots.threshold} -> ${after.roots.threshold}`]),
    ...[...old].filter(([name]) => !now.has(name)).map(([name, { text }]) => `- ${name}: ${text}`),
    ...[...now].flatMap(([name, { text }]) => {
      const was = old.get(name);
      if (was === undefined) return [`+ ${name}: ${text}`];
      return was.text === text ? [] : [`- ${name}: ${was.text}`, `+ ${name}: ${text}`];
    }),
    ...after.revoked.map(toHex).flatMap((id) => (known.has(id) ? [] : [`revoked: key ${id}`])),
  ];
  return changes.length === 0 ? ['none'] : changes;
}
