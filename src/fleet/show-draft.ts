import { toHex } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import {
  authorise,
  type Draft,
  type DraftSignature,
  destructionOf,
  foldPerson,
  isLasting,
  type Keyring,
  readToken,
} from '../security/index.ts';
import { counted, timeText } from '../show/index.ts';
import { draftToken } from './draft-token.ts';
import { foldHosts, groupEqual } from './fold-hosts.ts';
import { wordsOf } from './order-words.ts';

/** What the reader's own side knows, beside the keys that the drafts were judged by. */
export interface DraftView {
  /** Seconds since 1970. */
  readonly now: number;
  /** Hosts of the configuration. */
  readonly hosts: ReadonlySet<string>;
  /** Keys that tokens are judged by. */
  readonly people: Keyring;
}

/** Every argument as it is signed, also one that this program has no words for. */
function argumentLines(args: object): string[] {
  return Object.entries(args).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const text = value instanceof Uint8Array ? toHex(value) : JSON.stringify(value);
    return [`${name}: ${text}`];
  });
}

function validityLines(order: Order, { now }: DraftView): string[] {
  const { nbf, exp, maxAge } = order;
  if (isLasting(order)) {
    return ['valid: without end; a device that is away obeys it when it comes back'];
  }
  const from = nbf === undefined ? '' : ` from ${timeText(nbf)}`;
  const until = exp === undefined ? '' : ` until ${timeText(exp)}`;
  const age = maxAge === undefined ? '' : `, for ${maxAge} s from a moment that the device has named`;
  const late = exp !== undefined && exp <= now ? ['WARNING: that time has passed; have it signed again'] : [];
  return [`valid:${from}${until}${age}`, ...late];
}

function signatureLines({ order, signatures }: Draft): string[] {
  return signatures.flatMap(({ keyId, signer }) => {
    const key = `key ${toHex(keyId)}`;
    if (signer === undefined) return [`signed by: ${key}: NOT KNOWN HERE, so nobody can say whose it is`];
    const person = signer.person === signer.name ? '' : ` (${signer.person})`;
    return [`signed by: ${signer.name}${person}, ${signer.role}, ${key}`, ...roleLines(signer, order)];
  });
}

function roleLines(signer: DraftSignature['signer'], order: Order): string[] {
  return signer === undefined || authorise(signer.role, order, { via: 'mqtt' }).ok
    ? []
    : [`WARNING: the role ${signer.role} may not give this order`];
}

/** How many different people have signed, as far as is known; each unknown key may be one. */
export function peopleOf({ signatures }: Draft): number {
  return new Set(
    signatures.map(({ keyId, signer }) =>
      signer === undefined ? toHex(keyId) : `:${foldPerson(signer.person)}`,
    ),
  ).size;
}

function missingLines(draft: Draft): string[] {
  const people = peopleOf(draft);
  if (people < draft.signatures.length) return ['WARNING: one person has signed twice; no device obeys that'];
  return people < 2 ? ['still needs: the signature of another person'] : [];
}

function hostLines({ order }: Draft, { hosts }: DraftView): string[] {
  return hosts.has(order.aud.name) ? [] : ['WARNING: this host is not in your configuration'];
}

function reasonLines({ verb, args }: Order): string[] {
  if (verb !== 'machine.disable' && verb !== 'machine.enable') return [];
  return 'reason' in args && args.reason !== undefined ? [] : ['WARNING: no reason is given'];
}

/** Exactly what is signed, in words; hosts with equal orders are one entry. */
export function showDrafts(tenant: string, drafts: readonly Draft[], view: DraftView): string[] {
  const numbers = new Map<string, string>();
  const texts = drafts.map((draft) => {
    const { order } = draft;
    const token = draftToken(draft, view.people, tenant);
    if (token.number !== undefined) numbers.set(order.aud.name, `${order.aud.name} ${token.number}`);
    const lines = [
      wordsOf(order),
      ...argumentLines(order.args),
      ...reasonLines(order),
      ...effectLines(order),
      ...validityLines(order, view),
      ...token.lines,
      ...signatureLines(draft),
      ...missingLines(draft),
      ...hostLines(draft, view),
    ];
    return { host: order.aud.name, text: lines.join('\n') };
  });
  return [
    `${counted(drafts.length, 'order')} for the tenant ${tenant}`,
    ...reachLines(drafts.map(({ order }) => order)),
    ...groupEqual(texts).flatMap(({ hosts, text }) => {
      const [first = '', ...rest] = text.split('\n');
      const used = hosts.flatMap((host) => numbers.get(host) ?? []);
      return [
        `${foldHosts(hosts)}: ${first}`,
        ...rest.map((line) => `  ${line}`),
        ...(used.length === 0 ? [] : [`  token numbers: ${used.join(', ')}`]),
      ];
    }),
  ];
}

/** The same of orders that nobody has signed yet: what a signature will be under. */
export function showUnsigned(
  tenant: string,
  orders: readonly Order[],
  view: DraftView,
  /** Whose key is about to sign, where that is known. */
  signer: DraftSignature['signer'],
): string[] {
  const texts = orders.map((order) => {
    const token = order.token === undefined ? undefined : readToken(order.token, view.people, tenant);
    const number = token?.ok === true ? [`token number: ${token.value.n}`] : [];
    const lines = [
      wordsOf(order),
      ...argumentLines(order.args),
      ...reasonLines(order),
      ...effectLines(order),
      ...validityLines(order, view),
      ...(destructionOf(order) === undefined && order.token === undefined
        ? []
        : draftToken({ order, signatures: [] }, view.people, tenant).lines),
      ...number,
      ...roleLines(signer, order),
    ];
    return { host: order.aud.name, text: lines.join('\n') };
  });
  return [
    `${counted(orders.length, 'order')} for the tenant ${tenant}`,
    ...reachLines(orders),
    ...groupEqual(texts).flatMap(({ hosts, text }) => {
      const [first = '', ...rest] = text.split('\n');
      return [`${foldHosts(hosts)}: ${first}`, ...rest.map((line) => `  ${line}`)];
    }),
  ];
}

function effectLines({ effect }: Order): string[] {
  return effect === undefined ? [] : [`only if its effect is ${toHex(effect)}`];
}

/** How far it reaches, before anything else. */
function reachLines(orders: readonly Order[]): string[] {
  return ['lock', 'wipe'].flatMap((kind) => {
    const count = orders.filter((order) => destructionOf(order) === kind).length;
    if (count === 0) return [];
    const what = kind === 'lock' ? 'disabled' : 'losing what cannot be brought back';
    return [`destructive: ${counted(count, 'host')} ${what}; takes ${counted(count, 'token')} of the budget`];
  });
}
