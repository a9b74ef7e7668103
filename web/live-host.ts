import type { HostTasks, LookBody, SensorNews } from '../src/web/host-wire.ts';
import { tellLook } from './ask-server.ts';

export interface HostNews {
  readonly tasks: HostTasks;
  readonly sensors: SensorNews;
}
type Take = <K extends keyof HostNews>(kind: K, news: HostNews[K]) => void;

let stream: string | undefined;
let wanted: Omit<LookBody, 'stream'> = { sensors: false };
let told = '';
let fault: ((why: string) => void) | undefined;
const takers = new Set<Take>();

/** Says to the server what is looked at, where it does not know yet. */
function tell(): void {
  if (stream === undefined) return;
  const body = { stream, ...wanted };
  const text = JSON.stringify(body);
  if (text === told) return;
  told = text;
  tellLook(body).catch((error: Error) => {
    // A stream that has ended begins anew, and then asks by itself.
    if (told === text) fault?.(error.message);
  });
}

/** The page's stream has begun, by this id; what is looked at is said anew. Undefined: it has ended. */
export function streamIs(id: string | undefined): void {
  stream = id;
  told = '';
  if (wanted.host !== undefined) tell();
}

export function hostNews<K extends keyof HostNews>(kind: K, news: HostNews[K]): void {
  for (const take of takers) take(kind, news);
}

/** From now on, and over whatever breaks of the stream, news of this host come, until the result is called. */
export function followHost(
  host: string,
  take: Take,
  failed: (why: string) => void,
): { readonly sensors: (on: boolean) => void; readonly leave: () => void } {
  const mine: Take = (kind, news) => {
    if (news.host === host) take(kind, news);
  };
  takers.add(mine);
  fault = failed;
  wanted = { host, sensors: false };
  tell();
  return {
    sensors: (on) => {
      wanted = { host, sensors: on };
      // Said again it means: for another hour.
      told = '';
      tell();
    },
    leave: () => {
      takers.delete(mine);
      fault = undefined;
      wanted = { sensors: false };
      tell();
    },
  };
}
