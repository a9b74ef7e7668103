import type { LookBody } from '../src/web/host-wire.ts';
import type { AskBody, PageAnswer } from '../src/web/wire.ts';

const HOSTS_A_REQUEST = 2000;

async function post(path: string, body: object): Promise<Response> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error((await response.text()).trim());
  return response;
}

export async function askHost(body: AskBody): Promise<PageAnswer> {
  return (await (await post('ask', body)).json()) as PageAnswer;
}

/** Says what this page looks at from now on; news of it come by the stream. */
export async function tellLook(body: LookBody): Promise<void> {
  await post('look', body);
}

/** Asks for the status of these hosts; the answers come by the stream. */
export async function refresh(hosts: 'all' | readonly string[]): Promise<void> {
  if (hosts === 'all') {
    await post('refresh', { hosts });
    return;
  }
  for (let from = 0; from < hosts.length; from += HOSTS_A_REQUEST) {
    await post('refresh', { hosts: hosts.slice(from, from + HOSTS_A_REQUEST) });
  }
}
