import { NsError, REFUSALS, toHex } from '../base/index.ts';
import type { KeyStore } from '../ports/index.ts';
import { cosignOrder, type Draft, destructionOf, foldPerson, type Keyring } from '../security/index.ts';
import { foldHosts } from './fold-hosts.ts';
import { peopleOf } from './show-draft.ts';

function refuse(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

/** Nobody signs for a stranger: what is signed first is asked for by somebody known. NS_ORDER_STRANGER. */
export function checkSigners(drafts: readonly Draft[]): void {
  for (const draft of drafts) {
    const stranger = draft.signatures.find(({ signer }) => signer === undefined);
    if (stranger === undefined) continue;
    throw refuse(
      'NS_ORDER_STRANGER',
      `the order for "${draft.order.aud.name}" is signed by the key ${toHex(stranger.keyId)}, which is not among the ` +
        '"people" of your configuration; ask the person it should be from, by another way, for the public key',
    );
  }
}

/** Nobody signs an order twice, with whichever of his keys. NS_ORDER_INVALID. */
export function checkFirst(
  drafts: readonly Draft[],
  key: Pick<KeyStore, 'publicKey'>,
  people: Keyring,
): void {
  const { keyId } = key.publicKey;
  const me = people.lookup(keyId);
  for (const { order, signatures } of drafts) {
    const again = signatures.some(
      (each) =>
        toHex(each.keyId) === toHex(keyId) ||
        (each.signer !== undefined &&
          me !== undefined &&
          foldPerson(each.signer.person) === foldPerson(me.person)),
    );
    if (again) {
      throw refuse(
        'NS_ORDER_INVALID',
        `${me?.person ?? 'this key'} has signed the order for "${order.aud.name}" already`,
      );
    }
  }
}

/** All of them with this signature too; none where one may not have it. NS_ORDER_STRANGER, NS_ORDER_INVALID. */
export async function cosignDrafts(
  drafts: readonly Draft[],
  key: KeyStore,
  { people, tenant }: { readonly people: Keyring; readonly tenant: string },
): Promise<readonly Uint8Array[]> {
  checkSigners(drafts);
  checkFirst(drafts, key, people);
  const packets: Uint8Array[] = [];
  for (const { packet } of drafts) packets.push(await cosignOrder(packet, key, tenant));
  return packets;
}

/** Why orders for two people cannot be sent, as far as this side can tell: NS_ORDER_INVALID, NS_NEEDS_TOKEN, NS_DEVICE_UNKNOWN. */
export function checkComplete(drafts: readonly Draft[], hosts: { has(host: string): boolean }): void {
  const short = drafts.find((draft) => peopleOf(draft) < 2 || peopleOf(draft) < draft.signatures.length);
  if (short !== undefined) {
    const host = short.order.aud.name;
    const why = short.signatures.length < 2 ? 'one person only' : 'one person twice';
    throw refuse('NS_ORDER_INVALID', `the order for "${host}" is signed by ${why}, so nothing was sent`);
  }
  const bare = drafts.find(({ order }) => order.token === undefined && destructionOf(order) !== undefined);
  if (bare !== undefined) {
    const { sentence } = REFUSALS.NEEDS_TOKEN;
    throw refuse(
      'NS_NEEDS_TOKEN',
      `${sentence} It must be signed with one from the start. Nothing was sent.`,
    );
  }
  const unknown = drafts.map(({ order }) => order.aud.name).filter((host) => !hosts.has(host));
  if (unknown.length > 0) {
    throw refuse(
      'NS_DEVICE_UNKNOWN',
      `no public key is known for ${foldHosts(unknown)}, so nothing was sent`,
    );
  }
}
