import { toHex } from '../base/index.ts';
import { holderByGrants, Keyring, type KeyringEntry, publicKeyFromText } from '../security/index.ts';
import { timeText } from '../show/index.ts';
import { type GrantFile, type GrantLink, linksIn } from './grant-file.ts';
import { grantText } from './show-keyring.ts';

/** What the reader's own side knows. */
export interface GrantView {
  /** Seconds since 1970. */
  readonly now: number;
  /** Keys that are known here, by the configuration. */
  readonly people: readonly KeyringEntry[];
}

function nameOf(keyId: Uint8Array, links: readonly GrantLink[], { people }: GrantView): string {
  const key = `key ${toHex(keyId)}`;
  const held = links.find(({ holder }) => toHex(holder) === toHex(keyId));
  if (held !== undefined) return `${held.grant.name}, ${key}`;
  const known = people.find((person) => toHex(publicKeyFromText(person.key).keyId) === toHex(keyId));
  return known === undefined ? `${key}, NOT KNOWN HERE` : `${known.name}, ${known.role}, ${key}`;
}

function linkLines(link: GrantLink, links: readonly GrantLink[], view: GrantView): string[] {
  const { grant, giver, holder } = link;
  const { name, person, scopes, notBefore, notAfter, at, again, id } = grant;
  const begins = Math.max(notBefore ?? 0, at);
  return [
    `${nameOf(giver, links, view)}, passes on to`,
    `  ${name}, held by ${person}, key ${toHex(holder)}`,
    // Every grant has scopes, so that the role is not named here.
    `  may, as far as the giver may: ${grantText({ role: 'operator', scopes, notAfter })}`,
    ...(notBefore === undefined ? [] : [`  not before ${timeText(notBefore)}`]),
    `  ${again === 1 ? 'MAY pass it on once more' : 'may not pass it on'}`,
    `  signed ${timeText(at)}, grant ${toHex(id)}`,
    ...(view.now >= notAfter ? ['  WARNING: it has ended'] : []),
    ...(view.now < begins - 300 ? ['  WARNING: it has not begun'] : []),
  ];
}

/** Everything that is under the signatures of a grant, in words, and whether they hold by the keys that are known here. */
export function showGrant(file: GrantFile, view: GrantView): string[] {
  const links = linksIn(file);
  return [
    `a right in the tenant "${file.tenant}", for orders that one person gives`,
    ...links.flatMap((link) => linkLines(link, links, view)),
    signatureLine(file, links, view),
  ];
}

function signatureLine({ packets, tenant }: GrantFile, links: readonly GrantLink[], view: GrantView): string {
  const holder = links.at(-1)?.holder ?? new Uint8Array();
  const judged = holderByGrants(packets, holder, new Keyring(view.people), tenant);
  if (judged.ok) return `signatures: hold; ${judged.value.name} orders as ${judged.value.role}`;
  const { code, sentence } = judged.refusal;
  if (code === 'KEY_UNKNOWN') return `signatures: not checked; ${sentence}`;
  return `WARNING: no device accepts it. ${sentence}`;
}
