import { type ChildProcess, spawn } from 'node:child_process';

/** What a browser does at the page's server, without one. */
export class PageClient {
  readonly #base: URL;
  readonly #cookie: string;

  private constructor(base: URL, cookie: string) {
    this.#base = base;
    this.#cookie = cookie;
  }

  /** Opens the session with the link that the command printed. */
  static async open(link: string): Promise<PageClient> {
    const opened = await fetch(link, { redirect: 'manual' });
    const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
    return new PageClient(new URL(opened.headers.get('location') ?? '', link), cookie);
  }

  get(place: string): Promise<Response> {
    return fetch(new URL(place, this.#base), { headers: { cookie: this.#cookie } });
  }

  /** The status is in the answer, as `status`, where it is not 200. */
  async post<T>(place: string, body: object): Promise<T> {
    const response = await fetch(new URL(place, this.#base), {
      method: 'POST',
      headers: { cookie: this.#cookie, origin: this.#base.origin, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as object;
    return (response.ok ? answer : { ...answer, status: response.status }) as T;
  }

  /** All events of a run, once it is over; told of as they come, too. */
  async follow(
    run: string,
    told: (text: string) => void = () => undefined,
  ): Promise<readonly { readonly event: string; readonly data: unknown }[]> {
    const response = await this.get(`run?run=${run}`);
    let said = '';
    const decoder = new TextDecoder();
    for await (const part of response.body!) {
      const text = decoder.decode(part as Uint8Array, { stream: true });
      said += text;
      told(text);
      if (said.includes('event: over\n') && said.endsWith('\n\n')) break;
    }
    return said.split('\n\n').flatMap((frame) => {
      const match = /^event: (\S+)\ndata: (.*)$/.exec(frame);
      return match === null ? [] : [{ event: match[1] ?? '', data: JSON.parse(match[2] ?? '') as unknown }];
    });
  }
}

export interface StartedPage {
  readonly child: ChildProcess;
  readonly link: string;
}

/** Starts "nightshift web" and waits for its link. */
export async function startWeb(
  cli: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<StartedPage> {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const link = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const line = /^(http:\S+)\n/.exec(said)?.[1];
      if (line !== undefined) resolve(line);
    });
    child.on('close', () => reject(new Error(`it ended without a link: ${told}`)));
  });
  return { child, link };
}
