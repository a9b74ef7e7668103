import { type Exposition, readExposition } from './exposition.ts';

/** Asks a server of metrics, as Prometheus does, and reads strictly what it says. */
export async function scrape(authority: string, token?: string): Promise<Exposition> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://${authority}/metrics`, { headers });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return readExposition(await answer.text());
}
