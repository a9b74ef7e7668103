import * as v from 'valibot';
import { asNsError, fromUtf8, NsError } from '../base/index.ts';
import type { Clock, Entropy, WebReply, WebRequest } from '../ports/index.ts';
import { clean } from '../show/index.ts';
import { DraftShelf } from './draft-shelf.ts';
import type { OrderDoor } from './order-door.ts';
import type { Confirmed, DeskView, Fault } from './order-wire.ts';
import { PreparedShelf } from './prepared-shelf.ts';
import { fault, json, said, saved, stream } from './reply.ts';
import { RunBoard } from './run-board.ts';

/** Orders being prepared at once: each may ask all its hosts. */
const MAX_PREPARING = 4;
const MAX_VALUES = 32;
const MAX_OF_ONE = 16;
const MAX_TEXT = 240 * 1024;
const MAX_AFTER = 64 * 1024;

const short = v.pipe(v.string(), v.maxLength(256));
const value = v.pipe(v.string(), v.maxLength(8192));
const prepareBody = v.strictObject({
  command: short,
  hosts: v.pipe(v.array(short), v.minLength(1), v.maxLength(1024)),
  values: v.pipe(
    v.record(short, v.union([value, v.literal(true), v.pipe(v.array(value), v.maxLength(MAX_OF_ONE))])),
    v.check((values) => Object.keys(values).length <= MAX_VALUES),
  ),
  tokens: v.optional(v.pipe(v.string(), v.maxLength(MAX_TEXT))),
  after: v.optional(v.pipe(v.string(), v.maxLength(MAX_AFTER))),
});
const confirmBody = v.strictObject({ id: short, digest: short, typed: short });
const importBody = v.strictObject({ text: v.pipe(v.string(), v.maxLength(MAX_TEXT)) });
const draftBody = v.strictObject({ draft: short, digest: short, typed: short });
const checkBody = v.strictObject({ host: short });

export interface OrderDeskOptions {
  readonly door: OrderDoor;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Ends all that is on its way. */
  readonly signal: AbortSignal;
  /** Whether such a host is shown. */
  readonly has: (host: string) => boolean;
}

/**
 * What the page's orders come to at the server: prepared, confirmed once, followed. Only who holds the session is let in here;
 * a page that leaves ends nothing.
 */
export class OrderDesk {
  readonly #o: OrderDeskOptions;
  readonly #shelf: PreparedShelf;
  readonly #drafts: DraftShelf;
  readonly #runs: RunBoard;
  readonly #posts: Readonly<Record<string, (request: WebRequest) => Promise<WebReply>>>;
  #preparing = 0;

  constructor(options: OrderDeskOptions) {
    const { door, clock, entropy, signal } = options;
    this.#o = options;
    this.#shelf = new PreparedShelf(clock, entropy);
    this.#drafts = new DraftShelf(entropy);
    this.#runs = new RunBoard(clock, entropy, signal);
    this.#posts = {
      prepare: taking(prepareBody, (body, request) => this.#prepare(body, request)),
      confirm: taking(confirmBody, (body) => this.#confirm(body)),
      'drafts/import': taking(importBody, async ({ text }) => {
        this.#drafts.checkRoom();
        return this.#drafts.put(await door.openDraft(text));
      }),
      'drafts/cosign': taking(draftBody, (body) => this.#drafts.cosign(body)),
      'drafts/send': taking(draftBody, async (body) => this.#send(body)),
      'drafts/drop': taking(v.pick(draftBody, ['draft']), async ({ draft }) => {
        this.#drafts.drop(draft);
        return {};
      }),
      'receipts/check': taking(checkBody, async ({ host }, request) => {
        if (!options.has(host)) throw new NsError('NS_DEVICE_UNKNOWN', 'no such host is shown here');
        const { holds, lines } = await door.checkKept(host, AbortSignal.any([request.gone, signal]));
        return { holds, lines: lines.map(clean) };
      }),
    };
  }

  view(): DeskView {
    const { me, forms, mostHosts } = this.#o.door;
    return { me, forms, mostHosts, drafts: this.#drafts.views(), runs: this.#runs.notes() };
  }

  /** Undefined where the place is none of the desk's. `streaming` counts a stream in, or has no room for it. */
  answer(
    place: string,
    request: WebRequest,
    streaming: (gone: AbortSignal) => boolean,
  ): Promise<WebReply> | undefined {
    if (request.method === 'POST') {
      return Object.hasOwn(this.#posts, place) ? this.#posts[place]?.(request) : undefined;
    }
    switch (place) {
      case 'desk':
        return Promise.resolve(json(this.view()));
      case 'run':
        return Promise.resolve(this.#follow(request, streaming));
      case 'receipt':
        return Promise.resolve(this.#receipt(request));
      case 'drafts/file':
        return Promise.resolve(this.#file(request));
      default:
        return undefined;
    }
  }

  async #prepare(body: v.InferOutput<typeof prepareBody>, { gone }: WebRequest): Promise<object> {
    if (this.#preparing >= MAX_PREPARING) {
      throw new NsError('NS_WEB_BUSY', 'other orders are being prepared; try again in a moment');
    }
    this.#preparing += 1;
    try {
      const { tokens, after, ...rest } = body;
      const more = { ...(tokens === undefined ? {} : { tokens }), ...(after === undefined ? {} : { after }) };
      const orders = await this.#o.door.prepare(
        { ...rest, ...more },
        AbortSignal.any([gone, this.#o.signal]),
      );
      return this.#shelf.put(orders);
    } finally {
      this.#preparing -= 1;
    }
  }

  async #confirm(body: v.InferOutput<typeof confirmBody>): Promise<Confirmed> {
    // Whatever has no room afterwards is told before the one signature is spent.
    this.#runs.checkRoom();
    if (this.#shelf.peopleOf(body.id) === 2) this.#drafts.checkRoom();
    const orders = this.#shelf.take(body);
    const signed = await orders.sign();
    if (signed.is === 'draft') return { is: 'draft', draft: this.#drafts.put(signed.draft) };
    return { is: 'sent', run: this.#runs.begin(orders.commandLine, orders.hosts, signed.send) };
  }

  #send(body: v.InferOutput<typeof draftBody>): Confirmed {
    this.#runs.checkRoom();
    const { draft, release } = this.#drafts.take(body);
    const [first = ''] = draft.view.words;
    return { is: 'sent', run: this.#runs.begin(`send: ${first}`, draft.view.hosts, draft.send, release) };
  }

  #follow({ query, gone }: WebRequest, streaming: (gone: AbortSignal) => boolean): WebReply {
    const run = query.get('run') ?? '';
    if (!this.#runs.has(run)) return said(404, 'nothing is known of this order any more');
    if (!streaming(gone)) return said(503, 'too many pages are open');
    return stream((send) => {
      this.#runs.open(run, send, gone);
    });
  }

  #receipt({ query }: WebRequest): WebReply {
    const found = this.#runs.receipt(query.get('run') ?? '', query.get('host') ?? '');
    if (found === undefined) return said(404, 'this receipt is not here');
    return saved(found.file, 'application/octet-stream', found.content);
  }

  #file({ query }: WebRequest): WebReply {
    const text = this.#drafts.textOf(query.get('draft') ?? '');
    return text === undefined
      ? said(404, 'this draft is not here any more')
      : saved('orders.txt', 'text/plain; charset=utf-8', text);
  }
}

/** A body of this shape, and what is answered to it; a fault is a sentence. */
function taking<S extends v.GenericSchema>(
  schema: S,
  work: (body: v.InferOutput<S>, request: WebRequest) => Promise<object>,
): (request: WebRequest) => Promise<WebReply> {
  return async (request) => {
    const parsed = v.safeParse(schema, jsonOf(request.body));
    if (!parsed.success) return fault(400, { code: 'NS_USAGE', sentence: 'the request is not understood' });
    try {
      return json(await work(parsed.output, request));
    } catch (error) {
      return fault(409, told(error));
    }
  };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body) ?? '');
  } catch {
    return undefined;
  }
}

/** Faults of ours say what they say to whoever types the command; of what is no fault of ours nothing is told. */
function told(error: unknown): Fault {
  if (!(error instanceof NsError)) return { code: 'NS_BUG', sentence: 'that could not be done' };
  const { code, sentence } = asNsError(error);
  return { code, sentence: clean(sentence) };
}
