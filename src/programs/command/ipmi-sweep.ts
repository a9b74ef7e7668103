import { askControlSocket, openControlSocket } from '../../adapters/control-socket.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { type Duration, milliseconds, NsError, seconds } from '../../base/index.ts';
import { EXIT, type ExitCode, exitOfAll, foldHosts, jsonLine, parseWait } from '../../fleet/index.ts';
import { clean, timeText } from '../../show/index.ts';
import type { Context } from './context.ts';
import { IpmiAccess, usage } from './ipmi-access.ts';
import { exitOfIpmi } from './ipmi-outcome.ts';
import { changesOf, factsOf, linesOf, type SweepRow, type Wanted } from './ipmi-rows.ts';
import { type IpmiOptions, showAnswers } from './ipmi-run.ts';
import { WarmBmcs } from './ipmi-warm.ts';

export interface ResidentOptions {
  readonly socket: string;
  readonly window: string;
  readonly within: string;
}

export interface SweepOptions {
  readonly power?: true;
  readonly sensors?: true;
  readonly sel?: true;
  readonly every?: string;
  readonly window: string;
  readonly within: string;
  readonly via?: string;
}

/** Room for a range that somebody types, and the rest of a command. */
const LIMITS = { line: 20_000, answer: 64 * 1024 * 1024 };
/** Beside the deadline of one host: what the resident itself needs, hosts that wait for others to be slow included. */
const VIA_LEEWAY = seconds(30);

const wantedOf = (o: SweepOptions): Wanted => {
  const [sensors, sel] = [o.sensors === true, o.sel === true];
  return { power: o.power === true || !(sensors || sel), sensors, sel };
};

const jsonOf = (row: SweepRow): string => {
  const { host, outcome, tookMs, ...rest } = row;
  const took = tookMs === undefined ? {} : { tookMs: Math.round(tookMs) };
  return jsonLine('ipmi', { host, verb: 'sweep', outcome, ...rest, ...took, at: systemClock.wallSeconds() });
};

function showRows(context: Context, rows: readonly SweepRow[]): void {
  const answers = rows.map((row) => ({
    host: row.host,
    answer: { outcome: row.outcome, lines: linesOf(row), json: '' },
  }));
  showAnswers(context, answers, false);
}

const exitOf = (rows: readonly SweepRow[]): ExitCode =>
  exitOfAll(rows.map(({ outcome }) => exitOfIpmi(outcome)));

/** "64 hosts: 40 on, 23 off, 1 no answer; 18 ms". */
function summary(rows: readonly SweepRow[], tookMs: number): string {
  const count = (what: string, is: (row: SweepRow) => boolean): string | undefined => {
    const n = rows.filter(is).length;
    return n === 0 ? undefined : `${n} ${what}`;
  };
  const parts = [
    count('on', ({ result }) => result?.powerOn === true),
    count('off', ({ result }) => result?.powerOn === false),
    count('answered', ({ result }) => result !== undefined && result.powerOn === undefined),
    count('no answer', ({ outcome }) => outcome === 'unreachable'),
    count('refused', ({ outcome }) => outcome === 'refused'),
    count('failed', ({ outcome }) => outcome === 'failed'),
  ].filter((part) => part !== undefined);
  return `${rows.length} host${rows.length === 1 ? '' : 's'}: ${parts.join(', ')}; ${Math.round(tookMs)} ms`;
}

async function askResident(
  socket: string,
  hosts: string,
  wanted: Wanted,
  within: Duration,
): Promise<readonly SweepRow[]> {
  const command = { do: 'sweep', hosts, ...wanted };
  const answer = await askControlSocket(socket, command, within + VIA_LEEWAY, LIMITS);
  return answer.rows as readonly SweepRow[];
}

/** sweep: once, or with --every until it is stopped. */
export async function runSweep(
  context: Context,
  options: IpmiOptions,
  hosts: string,
  o: SweepOptions,
): Promise<ExitCode> {
  const wanted = wantedOf(o);
  const every = o.every === undefined ? undefined : milliseconds(parseWait(o.every));
  const within = milliseconds(parseWait(o.within));
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort(new NsError('NS_INTERRUPTED', 'stopped', { family: 'caller' })));
  const signal = AbortSignal.any([context.signal, stop.signal]);
  if (o.via !== undefined) {
    if (options.allBut !== undefined || hosts.includes('^'))
      throw usage('the hosts are chosen where the sessions are: --via takes no lists and no --all-but');
    const { via } = o;
    const ask = async (tell: (row: SweepRow) => void): Promise<readonly SweepRow[]> => {
      const rows = await askResident(via, hosts, wanted, within);
      for (const row of rows) tell(row);
      return rows;
    };
    return sweepAgainAndAgain(context, ask, every, signal);
  }
  const access = await IpmiAccess.open(context, options);
  const targets = await access.targets(hosts);
  if (options.forgetPin) await access.forget(targets);
  const warm = new WarmBmcs(access, o, every !== undefined);
  await warm.prepare(targets, true);
  try {
    return await sweepAgainAndAgain(
      context,
      (tell) => warm.sweep(targets, wanted, signal, tell),
      every,
      signal,
    );
  } finally {
    await warm.close();
  }
}

async function sweepAgainAndAgain(
  context: Context,
  sweep: (tell: (row: SweepRow) => void) => Promise<readonly SweepRow[]>,
  every: Duration | undefined,
  signal: AbortSignal,
): Promise<ExitCode> {
  const known = new Map<string, ReadonlyMap<string, string>>();
  for (let round = 0; ; round += 1) {
    const begin = systemClock.monotonic();
    const rows = await sweep((row) => {
      if (round === 0 && context.json) context.terminal.print(jsonOf(row));
    });
    const took = systemClock.monotonic() - begin;
    const changed = rows.filter((row) => {
      const facts = factsOf(row);
      const changes = changesOf(known.get(row.host), facts);
      if (round > 0 && !context.json) sayChanges(context, row.host, changes);
      // A BMC that did not answer has not changed what it said before.
      known.set(row.host, new Map([...(known.get(row.host) ?? []), ...facts]));
      return changes.length > 0;
    });
    if (context.json && round > 0) for (const row of changed) context.terminal.print(jsonOf(row));
    if (!context.json && round === 0) {
      showRows(context, rows);
      context.terminal.warn(summary(rows, took));
    }
    if (every === undefined) return exitOf(rows);
    context.terminal.status(summary(rows, took));
    await systemClock.sleep(milliseconds(Math.max(0, every - took)), signal);
  }
}

function sayChanges(context: Context, host: string, changes: readonly string[]): void {
  for (const change of changes) {
    context.terminal.print(clean(`${timeText(systemClock.wallSeconds())} ${host}: ${change}`));
  }
}

interface Command {
  readonly do?: unknown;
  readonly hosts?: unknown;
  readonly power?: unknown;
  readonly sensors?: unknown;
  readonly sel?: unknown;
}

/** resident: sessions that stay open, for whoever may use the socket. */
export async function runResident(
  context: Context,
  options: IpmiOptions,
  o: ResidentOptions,
): Promise<ExitCode> {
  const access = await IpmiAccess.open(context, options);
  const warm = new WarmBmcs(access, o, true);
  // Nobody can be asked for a password later on.
  if (options.host !== undefined) await warm.prepare(await access.targets(options.host), true);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const ended = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  process.once('SIGTERM', () => stop.abort(new NsError('NS_INTERRUPTED', 'stopped', { family: 'caller' })));
  const socket = await openControlSocket(
    o.socket,
    async (raw) => {
      const command = raw as Command | null;
      if (command?.do !== 'sweep' || typeof command.hosts !== 'string') {
        throw usage('say {"do":"sweep","hosts":"…"}, with "power", "sensors" or "sel"');
      }
      const targets = await access.targetsNamed(command.hosts);
      await warm.prepare(targets, false);
      const wanted = {
        power: command.power === true,
        sensors: command.sensors === true,
        sel: command.sel === true,
      };
      return { rows: await warm.sweep(targets, wanted, signal) };
    },
    LIMITS,
  );
  context.terminal.print(
    context.json ? jsonLine('resident', { socket: o.socket }) : `sweeps are answered at ${o.socket}`,
  );
  if (options.host !== undefined) {
    const targets = await access.targets(options.host);
    const rows = await warm.sweep(targets, { power: true, sensors: false, sel: false }, signal);
    context.terminal.warn(
      `sessions open: ${foldHosts(rows.filter(({ result }) => result).map(({ host }) => host)) || 'none'}`,
    );
  }
  await ended;
  await socket.close();
  await warm.close();
  return EXIT.done;
}
