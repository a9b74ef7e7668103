import { systemClock } from '../../adapters/system-clock.ts';
import { toHex } from '../../base/index.ts';
import { jsonLine, peopleOf, showDrafts } from '../../fleet/index.ts';
import type { Order } from '../../protocol/index.ts';
import { type Draft, Keyring, readToken } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';

/** Exactly what is signed, in words or as JSON. */
export async function displayDrafts(
  context: Context,
  { tenant, drafts }: { readonly tenant: string; readonly drafts: readonly Draft[] },
): Promise<void> {
  const now = systemClock.wallSeconds();
  if (context.json) {
    const people = new Keyring((await context.config()).people);
    for (const draft of drafts) context.terminal.print(draftJson(draft, people, tenant));
    return;
  }
  const { devices, people } = await context.config();
  const view = { now, hosts: new Set(devices.keys()), people: new Keyring(people) };
  for (const line of showDrafts(tenant, drafts, view)) context.terminal.print(clean(line));
}

function tokenJson(order: Order, people: Keyring, tenant: string): object {
  const read = order.token === undefined ? undefined : readToken(order.token, people, tenant);
  if (read?.ok !== true) return {};
  const { for: kind, epoch, n, device, keyId, governor } = read.value;
  const by = { key: toHex(keyId), ...(governor === undefined ? {} : { name: governor.name }) };
  return { token: { for: kind, epoch, n, device, governor: by } };
}

function draftJson(draft: Draft, known: Keyring, tenant: string): string {
  const { aud, id, verb, args, nbf, exp, ctr } = draft.order;
  const signatures = draft.signatures.map(({ keyId, signer }) => ({
    key: toHex(keyId),
    ...(signer === undefined ? {} : { name: signer.name, person: signer.person, role: signer.role }),
  }));
  const people = peopleOf(draft);
  const token = tokenJson(draft.order, known, tenant);
  return jsonLine('draft', { host: aud.name, id, verb, args, nbf, exp, ctr, ...token, people, signatures });
}
