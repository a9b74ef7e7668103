import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { readWebFiles } from '../../src/adapters/web-files.ts';
import { startWebServer } from '../../src/adapters/web-server.ts';
import { hours } from '../../src/base/index.ts';
import type { DeviceEvent, ResultOf } from '../../src/protocol/index.ts';
import { showResult } from '../../src/show/index.ts';
import { type FleetDoor, FleetWatch, pageServer, Session } from '../../src/web/index.ts';

/** The page as it is shipped, into `directory`/web. */
export async function buildPage(directory: string): Promise<string> {
  const place = join(directory, 'web');
  mkdirSync(place, { recursive: true });
  await build({
    entryPoints: { page: 'web/main.tsx' },
    outdir: place,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    tsconfig: 'web/tsconfig.json',
    logLevel: 'error',
  });
  for (const file of ['index.html', 'orders.css']) copyFileSync(join('web', file), join(place, file));
  const css = ['node_modules/uplot/dist/uPlot.min.css', 'web/page.css'];
  writeFileSync(join(place, 'page.css'), css.map((file) => readFileSync(file, 'utf8')).join('\n'));
  return place;
}

type Results = {
  readonly 'machine.status': ResultOf<'machine.status'>;
  readonly 'volume.list': ResultOf<'volume.list'>;
  readonly 'task.list': ResultOf<'task.list'>;
  readonly 'audit.read': ResultOf<'audit.read'>;
  readonly 'chain.status'?: ResultOf<'chain.status'>;
  readonly 'sensor.read'?: ResultOf<'sensor.read'>;
};

/** A fleet that answers at once, with these results. */
export function answeringDoor(
  hosts: FleetDoor['hosts'],
  resultsOf: (host: string) => Results,
): FleetDoor & { readonly asked: string[]; readonly say: (host: string, event: DeviceEvent) => void } {
  const asked: string[] = [];
  const listeners = new Map<string, Set<(event: DeviceEvent) => void>>();
  return {
    asked,
    tenant: 'acme',
    hosts,
    look: async (host, verb) => {
      asked.push(`${host} ${verb}`);
      const result = resultsOf(host)[verb];
      if (result === undefined) return { reach: 'refuses', lines: ['refused: NOT_SUPPORTED'], result };
      return { reach: 'answers', lines: showResult(verb, result as never), result: result as never };
    },
    listen: async (host, take) => {
      const takers = listeners.get(host) ?? new Set();
      listeners.set(host, takers.add(take));
      return () => takers.delete(take);
    },
    say: (host, event) => {
      for (const take of listeners.get(host) ?? []) take(event);
    },
    eachHost: async (names, work) => {
      for (const name of names) await work(name);
    },
  };
}

export interface ServedPage {
  readonly authority: string;
  readonly base: string;
  /** Opens the session, once. */
  readonly link: string;
  close(): Promise<void>;
}

/** The page's server on this machine, before such a fleet. */
export async function servePage(door: FleetDoor, directory: string): Promise<ServedPage> {
  const ended = new AbortController();
  const files = await readWebFiles(directory);
  const watch = new FleetWatch(door, systemClock, {
    refresh: undefined,
    version: '0.0.0',
    signal: ended.signal,
  });
  const session = new Session(systemClock, systemEntropy, hours(1));
  const server = await startWebServer((authority) =>
    pageServer({ door, watch, session, files, clock: systemClock, authority }),
  );
  return {
    authority: server.authority,
    base: session.base,
    link: `http://${server.authority}${session.base}open?token=${session.token}`,
    close: () => {
      ended.abort(new Error('the test ends'));
      return server.close();
    },
  };
}
