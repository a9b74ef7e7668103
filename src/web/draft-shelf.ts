import { MiB, type NsError, toHex } from '../base/index.ts';
import type { Entropy } from '../ports/index.ts';
import type { OpenDraft } from './order-door.ts';
import type { DraftBody, DraftView } from './order-wire.ts';
import { checkSure, deskFault, digestOf } from './prepared-shelf.ts';

const MOST = 32;
/** Characters of all drafts together. */
const MOST_TEXT = 8 * MiB;
const ID_BYTES = 16;

interface Kept {
  readonly draft: OpenDraft;
  readonly digest: string;
  /** Being signed or sent. */
  busy: boolean;
}

/** Orders for two people, on their way from one to the other. What this person signed is not dropped unasked. */
export class DraftShelf {
  readonly #entropy: Entropy;
  readonly #kept = new Map<string, Kept>();

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  views(): readonly DraftView[] {
    return [...this.#kept].map(([id, kept]) => view(id, kept));
  }

  /** NS_DRAFTS_FULL where there is no room for one more: before anything is signed. */
  checkRoom(): void {
    let text = 0;
    for (const { draft } of this.#kept.values()) text += draft.text.length;
    if (this.#kept.size < MOST && text < MOST_TEXT) return;
    throw deskFault('NS_DRAFTS_FULL', 'too many drafts lie here; save and put away some of them first');
  }

  /** The same orders again, with more signatures of known people than those here, take their place. */
  put(draft: OpenDraft): DraftView {
    const digest = digestOf(draft.signed);
    const known = [...this.#kept].find(([, kept]) => kept.digest === digest);
    if (known !== undefined) {
      const [id, kept] = known;
      if (!isMore(draft, kept.draft) || kept.busy) return view(id, kept);
      const next = { draft, digest, busy: false };
      this.#kept.set(id, next);
      return view(id, next);
    }
    this.checkRoom();
    const id = toHex(this.#entropy.randomBytes(ID_BYTES));
    const kept = { draft, digest, busy: false };
    this.#kept.set(id, kept);
    return view(id, kept);
  }

  textOf(id: string): string | undefined {
    return this.#kept.get(id)?.draft.text;
  }

  drop(id: string): void {
    if (this.#kept.get(id)?.busy === true) throw busy();
    this.#kept.delete(id);
  }

  /** Signs it as the second person. NS_DRAFT_GONE, NS_DRAFT_DIFFERS, NS_DRAFT_NOT_NOW, NS_NOT_SURE, and what the signer says. */
  async cosign(body: DraftBody): Promise<DraftView> {
    const kept = this.#take(body, 'cosign');
    kept.busy = true;
    try {
      const draft = await kept.draft.cosign();
      if (digestOf(draft.signed) !== kept.digest) throw differs();
      const next = { draft, digest: kept.digest, busy: false };
      this.#kept.set(body.draft, next);
      return view(body.draft, next);
    } finally {
      kept.busy = false;
    }
  }

  /** To be sent, and held until `release`: it can be sent again afterwards, and is then still done once. */
  take(body: DraftBody): { readonly draft: OpenDraft; readonly release: () => void } {
    const kept = this.#take(body, 'send');
    kept.busy = true;
    return {
      draft: kept.draft,
      release: () => {
        kept.busy = false;
      },
    };
  }

  #take({ draft, digest, typed }: DraftBody, wanted: DraftView['next']): Kept {
    const kept = this.#kept.get(draft);
    if (kept === undefined) throw deskFault('NS_DRAFT_GONE', 'this draft is not here any more');
    if (kept.busy) throw busy();
    const { next, why, sure } = kept.draft.view;
    if (digest !== kept.digest || digestOf(kept.draft.signed) !== kept.digest) throw differs();
    if (next !== wanted) throw deskFault('NS_DRAFT_NOT_NOW', why === '' ? 'that cannot be done now' : why);
    checkSure(sure, typed);
    return kept;
  }
}

/** Anybody can add the signature of a stranger: for it nothing is given away. */
function isMore(draft: OpenDraft, than: OpenDraft): boolean {
  const [now, before] = [signersIn(draft), signersIn(than)];
  return now.known > before.known
    ? now.strangers <= before.strangers
    : now.known === before.known && now.strangers < before.strangers;
}

function signersIn({ view: { signers } }: OpenDraft): { readonly known: number; readonly strangers: number } {
  const known = signers.filter(({ person }) => person !== undefined).length;
  return { known, strangers: signers.length - known };
}

function view(id: string, { draft, digest }: Kept): DraftView {
  return { id, digest, ...draft.view };
}

function busy(): NsError {
  return deskFault('NS_DRAFT_NOT_NOW', 'this draft is being signed or sent');
}

function differs(): NsError {
  return deskFault('NS_DRAFT_DIFFERS', 'this is not the draft that was shown; nothing was signed or sent');
}
