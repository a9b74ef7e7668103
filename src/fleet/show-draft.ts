import { toHex } from '../base/index.ts';
import type { Order } from '../protocol/index.ts';
import { authorise, type Draft, foldPerson, isLasting } from '../security/index.ts';
import { foldHosts, groupEqual } from './fold-hosts.ts';
import { counted, timeText } from './show-text.ts';

/** What the reader's own side knows, beside the keys that the drafts were judged by. */
export interface DraftView {
  /** Seconds since 1970. */
  readonly now: number;
  /** Hosts of the configuration. */
  readonly hosts: ReadonlySet<string>;
}

const WORDS: Readonly<Record<string, string>> = {
  'machine.disable': 'DISABLE: it cannot be switched on and its disks are held, until two people enable it',
  'machine.enable': 'ENABLE: a disabled machine is given back',
};

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
    const may = authorise(signer.role, order, { via: 'mqtt' }).ok
      ? []
      : [`WARNING: the role ${signer.role} may not give this order`];
    return [`signed by: ${signer.name}${person}, ${signer.role}, ${key}`, ...may];
  });
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

function reasonLines({ args }: Order): string[] {
  return 'reason' in args && args.reason !== undefined ? [] : ['WARNING: no reason is given'];
}

/** Exactly what is signed, in words; hosts with equal orders are one entry. */
export function showDrafts(tenant: string, drafts: readonly Draft[], view: DraftView): string[] {
  const texts = drafts.map((draft) => {
    const { order } = draft;
    const lines = [
      WORDS[order.verb] ?? order.verb,
      ...argumentLines(order.args),
      ...reasonLines(order),
      ...validityLines(order, view),
      ...signatureLines(draft),
      ...missingLines(draft),
      ...hostLines(draft, view),
    ];
    return { host: order.aud.name, text: lines.join('\n') };
  });
  return [
    `${counted(drafts.length, 'order')} for the tenant ${tenant}`,
    ...groupEqual(texts).flatMap(({ hosts, text }) => {
      const [first = '', ...rest] = text.split('\n');
      return [`${foldHosts(hosts)}: ${first}`, ...rest.map((line) => `  ${line}`)];
    }),
  ];
}
