import { createHash } from 'node:crypto';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { hours, utf8 } from '../../src/base/index.ts';
import type { AnswerWeb, WebReply } from '../../src/ports/index.ts';
import {
  type FleetDoor,
  FleetWatch,
  type OpenDraft,
  OrderDesk,
  type OrderDoor,
  type PreparedOrders,
  pageServer,
  type RunWatch,
  Session,
} from '../../src/web/index.ts';

const AUTHORITY = '127.0.0.1:4000';

/** One order to rm on rack1, of which a test sees what became of it. */
export class ScriptedDoor implements OrderDoor {
  readonly me = { key: '0102030405060708' };
  readonly forms = [];
  readonly mostHosts = 64;
  signed = 0;
  sent = 0;
  cosigned = 0;
  /** What is under the signature; a test may change it between the two steps. */
  content = 'rm rack1 /tmp/x';
  people: 1 | 2 = 1;
  watch: RunWatch | undefined;
  finish: () => void = () => undefined;
  /** Held back until a test lets it go. */
  signing: Promise<void> = Promise.resolve();

  readonly prepare = async (): Promise<PreparedOrders> => ({
    commandLine: 'nightshift rm rack1 /tmp/x',
    words: ['rack1: DELETE /tmp/x'],
    hosts: ['rack1'],
    validUntil: 1_800_000_000,
    people: this.people,
    sure: { is: 'type', word: 'rack1', says: 'the name of the host' },
    tried: [],
    sealed: () => utf8(this.content),
    sign: async () => {
      await this.signing;
      this.signed += 1;
      return this.people === 2
        ? { is: 'draft', draft: this.#draft(1) }
        : { is: 'sending', send: (watch) => this.#send(watch) };
    },
  });

  /** "both" is signed by two known people; "strangers" by two more of whom nothing is known. */
  readonly openDraft = async (text: string): Promise<OpenDraft> =>
    this.#draft(text.includes('both') ? 2 : 1, text.includes('strangers') ? 2 : 0);
  readonly checkKept = async (host: string) => ({ holds: true, lines: [`${host} \u001b[2J`] });

  #send(watch: RunWatch): Promise<void> {
    this.sent += 1;
    this.watch = watch;
    return new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  #draft(signers: number, strangers = 0): OpenDraft {
    return {
      signed: utf8(this.content),
      view: {
        words: ['1 order for the tenant acme'],
        hosts: ['rack1'],
        signers: [
          ...Array.from({ length: signers }, (_, n) => ({ key: `0${n}`, person: `Person ${n}` })),
          ...Array.from({ length: strangers }, (_, n) => ({ key: `f${n}` })),
        ],
        next: strangers > 0 ? 'nothing' : signers === 2 ? 'send' : 'cosign',
        why: '',
        sure: { is: 'type', word: 'rack1', says: 'the name of the host' },
      },
      text: `-----BEGIN ${signers}`,
      cosign: async () => {
        await this.signing;
        this.cosigned += 1;
        return this.#draft(2);
      },
      send: (watch) => this.#send(watch),
    };
  }
}

export const digestOf = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex');

const NOBODY: FleetDoor = {
  tenant: 'acme',
  hosts: [{ name: 'rack1', groups: [] }],
  look: () => Promise.reject(new Error('nobody asks here')),
  listen: async () => () => undefined,
  eachHost: async () => undefined,
};

export interface Page {
  readonly clock: VirtualClock;
  readonly server: AnswerWeb;
  readonly session: Session;
  /** As the page sends it. */
  readonly post: (
    place: string,
    body: unknown,
    headers?: object,
  ) => Promise<{ readonly status: number; readonly body: Readonly<Record<string, string>> }>;
  readonly get: (
    place: string,
    query?: Readonly<Record<string, string | undefined>>,
    headers?: object,
  ) => Promise<WebReply>;
}

/** A page with an open session before this door, on a virtual clock. */
export function openDesk(door: OrderDoor, ended = new AbortController()): Page {
  const clock = new VirtualClock();
  const watch = new FleetWatch(NOBODY, clock, { refresh: undefined, version: '1', signal: ended.signal });
  const session = new Session(clock, systemEntropy, hours(12));
  const desk = new OrderDesk({
    door,
    clock,
    entropy: systemEntropy,
    signal: ended.signal,
    has: (host) => watch.has(host),
  });
  const server = pageServer({
    door: NOBODY,
    watch,
    session,
    desk,
    files: new Map(),
    clock,
    authority: AUTHORITY,
  });
  const cookie = session.open(session.token)?.split(';')[0];
  const right = {
    host: AUTHORITY,
    origin: `http://${AUTHORITY}`,
    cookie,
    contentType: 'application/json',
    fetchSite: 'same-origin',
  };
  const ask = (
    method: string,
    place: string,
    query: Readonly<Record<string, string | undefined>>,
    body: string,
    headers: object,
  ) =>
    server({
      method,
      path: session.base + place,
      query: new Map(
        Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
      headers: { ...right, ...headers },
      body: utf8(body),
      gone: new AbortController().signal,
    });
  return {
    clock,
    server,
    session,
    get: (place, query = {}, headers = {}) => ask('GET', place, query, '', headers),
    post: async (place, body, headers = {}) => {
      const { status, body: content } = await ask('POST', place, {}, JSON.stringify(body), headers);
      const text = content.is === 'whole' ? String(content.content) : '';
      return { status, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, string>) : {} };
    },
  };
}

/** What a stream has said, read as a browser does. */
export function heard(reply: WebReply): { readonly event: string; readonly data: unknown }[] {
  const events: { event: string; data: unknown }[] = [];
  if (reply.body.is !== 'stream') throw new Error(`no stream: ${reply.status}`);
  reply.body.begin((text) => {
    const match = /^event: (\S+)\ndata: (.*)\n\n$/.exec(text);
    if (match !== null) events.push({ event: match[1] ?? '', data: JSON.parse(match[2] ?? '') });
    return true;
  });
  return events;
}
