import type {
  ConfirmBody,
  Confirmed,
  DeskView,
  DraftBody,
  DraftView,
  Fault,
  HostEnd,
  KeptCheck,
  PrepareBody,
  Prepared,
  RunNote,
} from '../src/web/order-wire.ts';

/** Null where the server gives no orders. */
export async function askDesk(): Promise<DeskView | null> {
  const response = await fetch('desk');
  if (!response.ok) throw new Error((await response.text()).trim());
  return (await response.json()) as DeskView | null;
}

/** Rejects with the sentence and the code of the fault. */
async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  let fault: Partial<Fault> = {};
  try {
    fault = JSON.parse(text) as Fault;
  } catch {
    fault = { sentence: text.trim() || `the server answered ${response.status}` };
  }
  throw new Error(fault.code === undefined ? fault.sentence : `${fault.sentence} [${fault.code}]`);
}

export const prepare = (body: PrepareBody): Promise<Prepared> => post('prepare', body);
export const confirm = (body: ConfirmBody): Promise<Confirmed> => post('confirm', body);
export const importDraft = (text: string): Promise<DraftView> => post('drafts/import', { text });
export const cosignDraft = (body: DraftBody): Promise<DraftView> => post('drafts/cosign', body);
export const sendDraft = (body: DraftBody): Promise<Confirmed> => post('drafts/send', body);
export const dropDraft = (draft: string): Promise<object> => post('drafts/drop', { draft });
export const checkKept = (host: string): Promise<KeptCheck> => post('receipts/check', { host });

/** What is known of orders on their way. */
export interface RunState {
  readonly note: RunNote | undefined;
  /** The newest line of each host that has not ended. */
  readonly progress: ReadonlyMap<string, string>;
  readonly ends: readonly HostEnd[];
  readonly link: 'following' | 'over' | 'lost';
}

export const NOTHING_YET: RunState = { note: undefined, progress: new Map(), ends: [], link: 'following' };

/** Follows a run by its own stream, until it is over. */
export function followRun(run: string, tell: (state: RunState) => void): () => void {
  const stream = new EventSource(`run?run=${encodeURIComponent(run)}`);
  const progress = new Map<string, string>();
  const ends = new Map<string, HostEnd>();
  let note: RunNote | undefined;
  let link: RunState['link'] = 'following';
  const told = (): void => tell({ note, progress: new Map(progress), ends: [...ends.values()], link });
  const on = <T>(name: string, take: (data: T) => void): void =>
    stream.addEventListener(name, (event: MessageEvent<string>) => {
      take(JSON.parse(event.data) as T);
      told();
    });
  on<RunNote>('run', (data) => {
    note = data;
    link = 'following';
  });
  on<{ host: string; text: string }>('progress', ({ host, text }) => {
    if (!ends.has(host)) progress.set(host, text);
  });
  on<HostEnd>('ended', (end) => {
    ends.set(end.host, end);
    progress.delete(end.host);
  });
  on('over', () => {
    link = 'over';
    stream.close();
  });
  stream.addEventListener('error', () => {
    if (link === 'over') return;
    link = 'lost';
    told();
  });
  return () => stream.close();
}
