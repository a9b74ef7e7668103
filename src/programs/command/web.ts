import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemEntropy } from '../../adapters/entropy.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { readWebFiles } from '../../adapters/web-files.ts';
import { startWebServer } from '../../adapters/web-server.ts';
import { asNsError, type Duration, hours, milliseconds, minutes, NsError, toHex } from '../../base/index.ts';
import {
  EXIT,
  type ExitCode,
  type Fleet,
  forEachHost,
  parseCount,
  parseWait,
  showOutcome,
} from '../../fleet/index.ts';
import {
  type FleetDoor,
  FleetWatch,
  type LookAnswer,
  OrderDesk,
  pageServer,
  Session,
} from '../../web/index.ts';
import { VERSION } from '../version.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { orderDoor } from './web-orders.ts';

interface WebOptions {
  readonly port?: string;
  readonly refresh: string;
  readonly lookOnly?: true;
}

const LASTS: Duration = hours(12);
/** Each refresh is an order to each host, which its device writes down. */
const SHORTEST_REFRESH: Duration = minutes(1);
const LONGEST_REFRESH: Duration = hours(24);

type Reach = LookAnswer<'machine.status'>['reach'];

function reachOf(outcome: Parameters<typeof showOutcome>[1]): Reach {
  switch (outcome.is) {
    case 'receipt':
      if (outcome.receipt.outcome === 'succeeded') return 'answers';
      return outcome.receipt.outcome === 'refused' ? 'refuses' : 'failed';
    case 'rejected':
      return 'refuses';
    case 'unreachable':
      return outcome.presence === 'offline' ? 'offline' : 'silent';
    case 'no-answer':
      return 'silent';
    case 'staged':
    case 'conflict':
      return 'failed';
  }
}

/** The operator's engine as the page needs it: the orders are those of the command. */
async function doorOf(context: Context, fleet: Fleet, hosts: readonly string[]): Promise<FleetDoor> {
  const { tenant, groups } = await context.config();
  const groupsOf = new Map<string, string[]>(hosts.map((host) => [host, []]));
  for (const group of Object.keys(groups)) {
    for (const host of await context.hosts(`@${group}`)) groupsOf.get(host)?.push(group);
  }
  return {
    tenant,
    hosts: [...groupsOf].map(([name, of]) => ({ name, groups: of })),
    look: async (host, verb, args, signal) => {
      try {
        const run = await fleet.order(host, verb, args, { signal, timing: context.timing });
        const outcome = await run.outcome;
        return {
          reach: reachOf(outcome),
          lines: showOutcome(verb, outcome),
          result: outcome.is === 'receipt' ? outcome.result : undefined,
        };
      } catch (error) {
        if (signal.aborted) throw error;
        return { reach: 'not sent', lines: [`not sent: ${asNsError(error).message}`], result: undefined };
      }
    },
    listen: (host, take) => fleet.listen(host, take),
    eachHost: async (names, work) => {
      await forEachHost(names, work);
    },
  };
}

function refreshOf(text: string): Duration | undefined {
  if (text === 'never') return undefined;
  const refresh = milliseconds(parseWait(text));
  if (refresh >= SHORTEST_REFRESH && refresh <= LONGEST_REFRESH) return refresh;
  throw new NsError('NS_USAGE', `--refresh ${text} is not between 1m and 24h; or write "never"`, {
    family: 'caller',
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function deskOf(
  parts: Omit<Parameters<typeof orderDoor>[0], 'hosts'>,
  watch: FleetWatch,
  signal: AbortSignal,
): Promise<OrderDesk> {
  const door = await orderDoor({ ...parts, hosts: { has: (host) => watch.has(host) } });
  return new OrderDesk({
    door,
    clock: systemClock,
    entropy: systemEntropy,
    signal,
    has: (host) => watch.has(host),
  });
}

async function serve(
  context: Context,
  program: Command,
  hosts: readonly string[],
  o: WebOptions,
): Promise<ExitCode> {
  if (context.json) throw new NsError('NS_USAGE', 'web prints a link, and no JSON', { family: 'caller' });
  const port = o.port === undefined ? 0 : parseCount(o.port, 'port', 1, 65_535);
  const refresh = refreshOf(o.refresh);
  const files = await readWebFiles(join(import.meta.dirname, 'web'));
  const kept = new Set<string>();
  return context.withFleet(
    async (fleet) => {
      const over = systemClock.deadline(LASTS, 'the session of the page');
      const signal = AbortSignal.any([context.signal, over.signal]);
      // Each host that is asked listens to it.
      setMaxListeners(0, signal);
      const door = await doorOf(context, fleet, hosts);
      const watch = new FleetWatch(door, systemClock, { refresh, version: VERSION, signal });
      const session = new Session(systemClock, systemEntropy, LASTS);
      const desk =
        o.lookOnly === true ? {} : { desk: await deskOf({ context, program, fleet, kept }, watch, signal) };
      const server = await startWebServer(
        (authority) => pageServer({ door, watch, session, ...desk, files, clock: systemClock, authority }),
        { port },
      );
      try {
        context.terminal.print(`http://${server.authority}${session.base}open?token=${session.token}`);
        context.terminal.warn('nightshift: this link works once, in one browser; Ctrl-C ends the page');
        await aborted(signal);
      } finally {
        over.release();
        await server.close();
      }
      return context.signal.aborted ? EXIT.interrupted : EXIT.done;
    },
    // What the page asks by itself is not kept; what somebody has confirmed is.
    { unkept: (order) => !kept.has(toHex(order)) },
  );
}

/** web. */
export function addWebCommand(program: Command, run: Run): void {
  program
    .command('web')
    .description('show hosts in a browser on this machine, and give them orders there')
    .argument('[hosts]', 'host, range, list or @group', '@all')
    .option('--port <n>', 'listen on this port of 127.0.0.1; a free one where absent')
    .option('--look-only', 'a page that only looks: it gives no orders and signs no drafts')
    .option('--refresh <time>', 'while a page is open, ask all hosts again this often, or "never"', '15m')
    .action((hosts: string, o: WebOptions) =>
      run(async (context) => serve(context, program, await context.hosts(hosts), o)),
    );
}
