import {
  allow,
  equalBytes,
  NsError,
  type Refusal,
  refusal,
  refuse,
  toHex,
  type Verdict,
} from '../base/index.ts';
import type { PublicKey } from '../ports/index.ts';
import type { Order, Verb } from '../protocol/index.ts';
import { isAcceptance, needsTwoPeople } from './authority.ts';
import { destructionOf } from './destruction.ts';
import { badGrant, grantHash, isGrantBy, readGrant, type UnverifiedGrant } from './grant.ts';
import type { Enrolled, Keyring, Role } from './keyring.ts';
import { publicKeyFromText } from './public-key.ts';

/** How often a right can be passed on, from a key of the keyring. */
const MOST_GRANTS = 2;
/** What of the clocks of two machines may differ. Seconds. */
const LEEWAY = 300;

/** Roles whose right is theirs alone. */
const KEPT_ROLES: readonly Role[] = ['root', 'governor'];

/** Orders that can be given by a right that was passed on. What does not stand here cannot. */
const PASSABLE: readonly Verb[] = [
  'file.list',
  'file.find',
  'file.stat',
  'file.upload',
  'file.download',
  'file.delete',
  'volume.list',
  'memory.check',
  'io.list',
  'io.read',
  'io.write',
  'io.watch',
  'sensor.read',
  'machine.status',
  'chain.status',
  'chain.sync',
  'task.list',
  'task.cancel',
  'staged.list',
  'audit.read',
  'keyring.read',
  'media.withdraw',
  'agent.firmware',
];

/** A key that ordered something, with those through whom it has the right: each must be able to give the order. */
export function linksOf(signer: Enrolled): readonly Enrolled[] {
  return [...(signer.through ?? []), signer];
}

/**
 * Who has a right by these grants: the key with this id, in the role of the keyring's key that gave the first. Each
 * grant is signed by the key that the one before was given to. Nothing here asks a clock or looks at an order: scopes
 * and times of all links are judged with it (withinGrants). KEY_UNKNOWN where the first giver is not enrolled, else
 * DELEGATION_INVALID.
 */
export function holderByGrants(
  packets: readonly Uint8Array[],
  keyId: Uint8Array,
  keyring: Keyring,
  tenant: string,
): Verdict<Enrolled> {
  if (packets.length > MOST_GRANTS) return badGrant('A right is passed on twice at most.');
  let holder: Enrolled | undefined;
  let before: { readonly packet: Uint8Array; readonly again: 0 | 1 } | undefined;
  for (const packet of packets) {
    const read = readGrant(packet);
    if (!read.ok) return read;
    const giver = holder === undefined ? firstGiver(read.value, keyring) : nextGiver(read.value, holder);
    if (!giver.ok) return giver;
    const fault = faultOfLink(read.value, giver.value, tenant, before);
    if (fault !== undefined) return badGrant(fault);
    const next = holderOf(read.value, giver.value, keyring);
    if (!next.ok) return next;
    holder = next.value;
    before = { packet, again: read.value.grant.again };
  }
  if (holder === undefined) return badGrant('There is no grant.');
  if (before?.again === 1 && packets.length === MOST_GRANTS) {
    return badGrant('A right is passed on twice at most, and the second grant allows more.');
  }
  if (equalBytes(holder.keyId, keyId)) return allow(holder);
  return badGrant(`The last grant is to the key ${toHex(holder.keyId)}, and not to the one that signed.`);
}

function firstGiver({ giver: keyId }: UnverifiedGrant, keyring: Keyring): Verdict<Enrolled> {
  if (keyring.isRevoked(keyId)) return revoked(keyId);
  const giver = keyring.lookup(keyId);
  if (giver === undefined) {
    return refuse('KEY_UNKNOWN', `The key ${toHex(keyId)}, which passed its right on, is not enrolled.`);
  }
  if (KEPT_ROLES.includes(giver.role)) return badGrant(`A key of the role ${giver.role} passes no right on.`);
  return allow(giver);
}

function nextGiver({ giver: keyId }: UnverifiedGrant, holder: Enrolled): Verdict<Enrolled> {
  if (equalBytes(keyId, holder.keyId)) return allow(holder);
  return badGrant('The second grant is not signed by the key that the first was given to.');
}

function faultOfLink(
  unverified: UnverifiedGrant,
  giver: Enrolled,
  tenant: string,
  before: { readonly packet: Uint8Array; readonly again: 0 | 1 } | undefined,
): string | undefined {
  const { grant } = unverified;
  if (!isGrantBy(unverified, giver.publicKey, tenant) || grant.tenant !== tenant) {
    return `A grant is not signed by ${giver.name} for this tenant.`;
  }
  if (before === undefined) {
    return grant.of === undefined ? undefined : 'The first grant passes on another, which is not here.';
  }
  if (before.again !== 1) return `${giver.name} may use the right, and not pass it on.`;
  if (grant.of === undefined || !equalBytes(grant.of, grantHash(before.packet))) {
    return 'The second grant does not pass on the first.';
  }
  return undefined;
}

function holderOf({ grant }: UnverifiedGrant, giver: Enrolled, keyring: Keyring): Verdict<Enrolled> {
  let publicKey: PublicKey;
  try {
    publicKey = publicKeyFromText(grant.to);
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
    return badGrant(`The key of "${grant.name}" is not usable.`);
  }
  const { keyId } = publicKey;
  if (keyring.isRevoked(keyId)) return revoked(keyId);
  if (linksOf(giver).some((link) => equalBytes(link.keyId, keyId))) {
    return badGrant(`The key ${toHex(keyId)} gets a right that comes from itself.`);
  }
  const { name, person, scopes, notAfter } = grant;
  const notBefore = Math.max(grant.notBefore ?? 0, grant.at - LEEWAY);
  return allow({
    name: `${name} for ${giver.name}`,
    person,
    role: giver.role,
    keyId,
    publicKey,
    scopes,
    notBefore,
    notAfter,
    through: linksOf(giver),
  });
}

function revoked(keyId: Uint8Array): Verdict<never> {
  return badGrant(`The key ${toHex(keyId)} is revoked.`);
}

/**
 * Whether an order is of a kind that can be given by a right that was passed on. One who passed his right on and signs
 * beside whom he gave it to would be two people: so no order that takes two, or a token. And each must have an end while
 * its grants last, which its counter is remembered by.
 */
export function judgePassedOn(order: Order, holder: Enrolled | undefined): Refusal | undefined {
  const { verb, exp } = order;
  if (needsTwoPeople(order) || destructionOf(order) !== undefined || order.token !== undefined) {
    return no(`The order ${verb} takes two people or a token, so the right to give it is not passed on.`);
  }
  if (!PASSABLE.includes(verb) || isAcceptance(order)) {
    return no(`The right to give the order ${verb} is not passed on.`);
  }
  if (exp === undefined)
    return no('An order by a right that was passed on says until when it is good ("exp").');
  const short =
    holder &&
    linksOf(holder)
      .slice(1)
      .find(({ notAfter }) => notAfter !== undefined && exp > notAfter);
  return short && no(`The order is good for longer than the grant of ${short.name}.`);
}

function no(sentence: string): Refusal {
  return refusal('DELEGATION_INVALID', sentence);
}

/** Which key of the keyring a right was passed on by, as the order says. */
export function giverOf(grants: readonly Uint8Array[]): Uint8Array | undefined {
  const [first] = grants;
  const read = first === undefined ? undefined : readGrant(first);
  return read?.ok === true ? read.value.giver : undefined;
}
