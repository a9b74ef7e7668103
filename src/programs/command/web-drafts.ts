import { systemClock } from '../../adapters/system-clock.ts';
import { NsError, sentenceOf, toHex } from '../../base/index.ts';
import {
  checkComplete,
  checkFirst,
  checkSigners,
  cosignDrafts,
  decodeOrderFile,
  encodeOrderFile,
  readOrderFile,
  showDrafts,
} from '../../fleet/index.ts';
import { encode } from '../../protocol/index.ts';
import { authorise, type Draft, destructionOf } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { DraftSigner, DraftView, OpenDraft } from '../../web/index.ts';
import { type DeskParts, MOST_HOSTS, sendAll, sureOf } from './web-desk.ts';

/** Everybody who has signed any of them, each once. */
function signersOf(drafts: readonly Draft[]): readonly DraftSigner[] {
  const byKey = new Map<string, DraftSigner>();
  for (const { keyId, signer } of drafts.flatMap(({ signatures }) => signatures)) {
    const key = toHex(keyId);
    const { name, person, role } = signer ?? {};
    byKey.set(key, {
      key,
      ...(name === undefined ? {} : { name: clean(name) }),
      ...(person === undefined ? {} : { person: clean(person) }),
      ...(role === undefined ? {} : { role }),
    });
  }
  return [...byKey.values()];
}

type Next = Pick<DraftView, 'next' | 'why'>;

function tried(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return clean(sentenceOf(error));
  }
}

/** What this person can do with them: the rules of "cosign" and "send". */
function nextOf({ signer, people, devices }: DeskParts, drafts: readonly Draft[]): Next {
  const stranger = tried(() => checkSigners(drafts));
  if (stranger !== undefined) return { next: 'nothing', why: stranger };
  const unsent = tried(() => checkComplete(drafts, devices));
  if (unsent === undefined) {
    if (!drafts.some(({ order }) => order.verb === 'file.download')) return { next: 'send', why: '' };
    return {
      next: 'nothing',
      why: 'these orders put a file: send them with "nightshift send FILE --file LOCAL"',
    };
  }
  if (!drafts.every(({ signatures }) => signatures.length === 1)) return { next: 'nothing', why: unsent };
  const again = tried(() => checkFirst(drafts, signer.key, people));
  if (again !== undefined) {
    return {
      next: 'nothing',
      why: `${again}; another person signs next, with a page or "nightshift cosign"`,
    };
  }
  const me = people.lookup(signer.key.publicKey.keyId);
  const may =
    me === undefined || drafts.every(({ order }) => authorise(me.role, order, { via: 'mqtt' }).ok)
      ? ''
      : `WARNING: your role ${me.role} may not give this order, and devices refuse it`;
  return { next: 'cosign', why: may };
}

/** Orders for two people out of a text, judged by the keys of people that are known here. NS_ORDER_FILE. */
export async function openDraft(parts: DeskParts, text: string): Promise<OpenDraft> {
  const { tenant, people, devices, signer } = parts;
  const file = decodeOrderFile(text);
  if (file.tenant !== tenant) {
    throw new NsError(
      'NS_ORDER_FILE',
      `the orders are for the tenant "${file.tenant}", and yours is "${tenant}"`,
      { family: 'caller' },
    );
  }
  const drafts = readOrderFile(file, people);
  const names = drafts.map(({ order }) => order.aud.name);
  if (names.length > MOST_HOSTS) {
    throw new NsError(
      'NS_ORDER_FILE',
      `the page takes orders for ${MOST_HOSTS} hosts at most; use "nightshift cosign"`,
      { family: 'caller' },
    );
  }
  const viewNow = (): OpenDraft['view'] => {
    const next = nextOf(parts, drafts);
    const grave = next.next === 'cosign' || drafts.some(({ order }) => destructionOf(order) !== undefined);
    const view = { now: systemClock.wallSeconds(), hosts: devices, people };
    return {
      words: showDrafts(tenant, drafts, view).map(clean),
      hosts: names,
      signers: signersOf(drafts),
      ...next,
      sure: sureOf(names, grave),
    };
  };
  return {
    signed: encode({ tenant, orders: drafts.map(({ payload }) => payload) }).slice(),
    // What it says of its validity depends on when it is looked at.
    get view() {
      return viewNow();
    },
    text: encodeOrderFile(file),
    cosign: async () => {
      const packets = await cosignDrafts(drafts, signer.key, { people, tenant });
      return openDraft(parts, encodeOrderFile({ tenant, packets }));
    },
    send: async (watch, signal) => {
      checkComplete(drafts, devices);
      await sendAll(parts, new Map(drafts.map((draft) => [draft.order.aud.name, draft])), {}, watch, signal);
    },
  };
}
