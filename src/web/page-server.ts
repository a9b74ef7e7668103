import * as v from 'valibot';
import { fromUtf8 } from '../base/index.ts';
import type { AnswerWeb, Clock, WebReply, WebRequest } from '../ports/index.ts';
import { askHost } from './ask-host.ts';
import type { FleetDoor, LookAnswer } from './fleet-door.ts';
import type { FleetWatch } from './fleet-watch.ts';
import { HostLooks } from './host-looks.ts';
import { judgeRequest } from './judge-request.ts';
import type { OrderDesk } from './order-desk.ts';
import { json, said, stream, whole } from './reply.ts';
import type { Session } from './session.ts';
import { type AskBody, QUESTIONS } from './wire.ts';

/** The page's own files, by their names. */
export type PageFiles = ReadonlyMap<string, { readonly type: string; readonly content: Uint8Array }>;

/** Pages that are open at once, and questions to hosts. */
const MAX_STREAMS = 8;
const MAX_QUESTIONS = 16;
/** The page asks for more in several requests. */
const MAX_HOSTS_A_REQUEST = 2000;

const name = v.pipe(v.string(), v.maxLength(256));
const refreshBody = v.strictObject({
  hosts: v.union([v.literal('all'), v.pipe(v.array(name), v.maxLength(MAX_HOSTS_A_REQUEST))]),
});
const lookBody = v.strictObject({ stream: name, host: v.optional(name), sensors: v.boolean() });
const askBody = v.strictObject({ host: name, question: v.picklist(QUESTIONS), after: v.optional(name) });

export interface PageServerOptions {
  readonly door: FleetDoor;
  readonly watch: FleetWatch;
  readonly session: Session;
  /** Where orders are given; absent for a page that only looks. */
  readonly desk?: OrderDesk;
  readonly files: PageFiles;
  readonly clock: Clock;
  /** "127.0.0.1:40123", as the Host header must say it. */
  readonly authority: string;
}

function bodyOf(request: WebRequest): unknown {
  try {
    return JSON.parse(fromUtf8(request.body) ?? '');
  } catch {
    return undefined;
  }
}

/** What the page's server answers. Nothing is answered without the session but how to get it. */
export function pageServer(options: PageServerOptions): AnswerWeb {
  const { session, watch, desk, files, authority } = options;
  // What one host's page learns, the table shows too.
  const door: FleetDoor = {
    ...options.door,
    look: async (host, verb, args, signal) => {
      const answer = await options.door.look(host, verb, args, signal);
      if (verb === 'machine.status') watch.take(host, answer as LookAnswer<'machine.status'>);
      return answer;
    },
  };
  const looks = new HostLooks(door, options.clock);
  let streams = 0;
  let began = 0;
  let questions = 0;

  const streaming = (gone: AbortSignal): boolean => {
    if (streams >= MAX_STREAMS || gone.aborted) return false;
    streams += 1;
    gone.addEventListener(
      'abort',
      () => {
        streams -= 1;
      },
      { once: true },
    );
    return true;
  };

  const begin = (send: (text: string) => boolean, gone: AbortSignal): void => {
    began += 1;
    looks.open(String(began), send, gone);
    watch.open(send, gone);
  };

  const events = ({ gone }: WebRequest): WebReply =>
    streaming(gone) ? stream((send) => begin(send, gone)) : said(503, 'too many pages are open');

  const refresh = (request: WebRequest): WebReply => {
    const body = v.safeParse(refreshBody, bodyOf(request));
    if (!body.success) return said(400, 'the request is not understood');
    if (body.output.hosts === 'all') watch.askAll();
    else watch.ask(body.output.hosts);
    return json({});
  };

  const look = (request: WebRequest): WebReply => {
    const body = v.safeParse(lookBody, bodyOf(request));
    if (!body.success) return said(400, 'the request is not understood');
    const { stream: id, host, sensors } = body.output;
    if (host !== undefined && !watch.has(host)) return said(404, 'no such host stands in the configuration');
    return looks.look(id, host, sensors) ? json({}) : said(404, 'there is no such stream');
  };

  const question = async (request: WebRequest): Promise<WebReply> => {
    const body = v.safeParse(askBody, bodyOf(request));
    if (!body.success) return said(400, 'the request is not understood');
    if (!watch.has(body.output.host)) return said(404, 'no such host stands in the configuration');
    if (questions >= MAX_QUESTIONS) return said(503, 'too many questions at once');
    questions += 1;
    try {
      const now = (): number => options.clock.wallSeconds();
      const answer = await askHost(door, body.output as AskBody, now, request.gone);
      return answer === undefined ? said(400, 'there is no such page') : json(answer);
    } finally {
      questions -= 1;
    }
  };

  const open = ({ query }: WebRequest): WebReply => {
    const cookie = session.open(query.get('token') ?? '');
    if (cookie === undefined) {
      return said(
        403,
        'This link has been used or is not right. Start "nightshift web" again for a new one.',
      );
    }
    return said(303, 'opened', { location: session.base, 'set-cookie': cookie });
  };

  return async (request) => {
    const why = judgeRequest(request, authority);
    if (why !== undefined) return said(403, `refused: ${why}`);
    const { method, path } = request;
    if (!path.startsWith(session.base)) return said(404, 'nothing is here');
    const place = path.slice(session.base.length);
    if (method === 'GET' && place === 'open') return open(request);
    if (!session.holds(request.headers.cookie)) {
      return said(
        401,
        'The session has ended, or was never opened. Start "nightshift web" again for a new link.',
      );
    }
    switch (`${method} ${place}`) {
      case 'GET events':
        return events(request);
      case 'POST refresh':
        return refresh(request);
      case 'POST look':
        return look(request);
      case 'POST ask':
        return question(request);
    }
    if (desk === undefined) {
      if (method === 'GET' && place === 'desk') return json(null);
    } else {
      const answer = desk.answer(place, request, streaming);
      if (answer !== undefined) return answer;
    }
    const file = method === 'GET' ? files.get(place === '' ? 'index.html' : place) : undefined;
    return file === undefined ? said(404, 'nothing is here') : whole(200, file.type, file.content);
  };
}
