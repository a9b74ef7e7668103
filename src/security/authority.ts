import { allow, refuse, type Verdict } from '../base/index.ts';
import type { Audience, Order, Verb } from '../protocol/index.ts';
import { destructionOf } from './destruction.ts';
import { type Enrolled, foldPerson, type Role } from './keyring.ts';

/** The front door that an order came by. */
export type Door = 'mqtt' | 'console';

const hands: readonly Role[] = ['operator', 'technician'];
const watchers: readonly Role[] = ['operator', 'technician', 'security', 'auditor'];

/** Who may give which order. Nothing is permitted that does not stand here; root keys only ever sign keys. */
const PERMITTED: Readonly<Record<Verb, readonly Role[]>> = {
  'file.list': hands,
  'file.find': hands,
  'file.stat': hands,
  'file.upload': hands,
  'file.download': hands,
  'file.delete': hands,
  'volume.list': hands,
  // All that any file holds, and what was deleted.
  'volume.upload': ['operator'],
  'memory.check': hands,
  'io.list': hands,
  'io.read': hands,
  'io.write': hands,
  'io.watch': hands,
  'sensor.read': hands,
  // What a host boots can do everything to it.
  'media.offer': ['operator'],
  'media.withdraw': ['operator', 'technician', 'security'],
  'machine.status': watchers,
  'machine.disable': ['security'],
  'machine.enable': ['security'],
  'clock.set': ['operator', 'technician', 'security'],
  'chain.status': watchers,
  'chain.sync': ['operator', 'technician', 'security'],
  'task.list': watchers,
  'task.cancel': hands,
  'staged.list': watchers,
  'audit.read': ['security', 'auditor'],
  'keyring.read': [...watchers, 'root'],
  'budget.read': watchers,
  'budget.update': ['security'],
  'agent.firmware': watchers,
  // The firmware brings the signature of whoever makes it: an operator chooses when, and of what is signed.
  'agent.update': ['operator'],
  // Whoever carries it: the signatures of the document itself decide.
  'keyring.update': ['security', 'root'],
};

/**
 * Accepting a chain as it is can give up members' data: whoever is to bring a missing drive back does not also decide
 * that it is not missed.
 */
const MAY_ACCEPT: readonly Role[] = ['operator', 'security'];

/**
 * Orders that no single person can give, beside those that wipe: each needs the signatures of two. There is no way to
 * switch this off. A keyring is not here: its document brings the signatures of as many people as the keyring before asks for.
 */
const TWO_PEOPLE: readonly Verb[] = ['machine.disable', 'machine.enable', 'budget.update'];

export function needsTwoPeople({ verb, args }: Pick<Order, 'verb' | 'args'>): boolean {
  if (TWO_PEOPLE.includes(verb) || destructionOf({ verb, args }) === 'wipe') return true;
  return 'farAhead' in args && args.farAhead === true;
}

/** Somebody who is among them with two keys. */
export function signedTwice(signers: readonly Enrolled[]): Enrolled | undefined {
  return signers.find((signer, i) =>
    signers.slice(0, i).some(({ person }) => foldPerson(person) === foldPerson(signer.person)),
  );
}

/** Whether this role may give this order by this door. NOT_PERMITTED names the role and who may. */
export function authorise(
  role: Role,
  order: Pick<Order, 'verb'> & { readonly args?: Order['args'] },
  at: { readonly via: Door },
): Verdict<void> {
  const permitted = isAcceptance(order) ? MAY_ACCEPT : PERMITTED[order.verb];
  if (permitted.includes(role)) return allow(undefined);
  return refuse(
    'NOT_PERMITTED',
    `The role ${role} may not give ${order.verb} (asked by ${at.via}).`,
    `Ask someone whose role is ${permitted.join(' or ')}.`,
  );
}

/** Whether each of those who signed may give this order. NOT_PERMITTED names the first who may not. */
export function authoriseAll(
  signers: readonly Pick<Enrolled, 'name' | 'role'>[],
  order: Pick<Order, 'verb'> & { readonly args?: Order['args'] },
  at: { readonly via: Door },
): Verdict<void> {
  for (const { name, role } of signers) {
    const permitted = authorise(role, order, at);
    if (permitted.ok) continue;
    if (signers.length === 1) return permitted;
    const { code, sentence, remedy } = permitted.refusal;
    return refuse(code, `${sentence} It is signed by "${name}" too.`, remedy);
  }
  return allow(undefined);
}

/** Whether it says that a chain is to be taken as it is. */
export function isAcceptance({
  verb,
  args,
}: Pick<Order, 'verb'> & { readonly args?: Order['args'] }): boolean {
  return verb === 'chain.sync' && args !== undefined && 'action' in args && args.action?.do === 'accept';
}

/** Whether the order is for this device, by its name or by a group that it is in. */
export function checkAudience(
  order: { readonly aud: Audience },
  device: string,
  groups: readonly string[],
): Verdict<void> {
  const { to, name } = order.aud;
  const ours = to === 'device' ? name === device : groups.includes(name);
  if (ours) return allow(undefined);
  return refuse('WRONG_AUDIENCE', `The order is for the ${to} "${name}", and this device is "${device}".`);
}
