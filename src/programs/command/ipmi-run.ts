import { ipmiDiscover } from '../../adapters/ipmi-client.ts';
import { milliseconds, NsError, seconds } from '../../base/index.ts';
import {
  EXIT,
  type ExitCode,
  exitOfAll,
  foldHosts,
  forEachHost,
  groupEqual,
  type IpmiTarget,
} from '../../fleet/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import { type AccessOptions, IpmiAccess, LOCAL, usage } from './ipmi-access.ts';
import { answered, exitOfIpmi, faulted, type IpmiAnswer } from './ipmi-outcome.ts';
import { showDiscovery } from './ipmi-show.ts';
import type { IpmiVerb } from './ipmi-verb.ts';

export interface IpmiOptions extends AccessOptions {
  readonly host?: string;
  readonly allBut?: string;
  readonly local?: true;
  readonly yes?: true;
  readonly forgetPin?: true;
}

/** For one command, where --timeout says nothing. */
const TIMEOUT = seconds(10);

/** For what goes over the network alone. */
export function remoteHostsOf(options: IpmiOptions, what: string): string {
  if (options.local === true) throw usage(`${what} goes over the network only: say --host`);
  return hostsOf(options);
}

export function hostsOf(options: IpmiOptions): string {
  if (options.local === true) {
    if (options.host !== undefined || options.allBut !== undefined)
      throw usage('--local is this machine, and --host and --all-but name others: say one of them');
    return LOCAL;
  }
  if (options.host === undefined) {
    throw usage("say which BMC: --host NAME, --host ADDRESS[:PORT], or --local for this machine's own");
  }
  return options.host;
}

/** Asks for what does harm to more than one machine. */
async function confirm(
  context: Context,
  verb: IpmiVerb,
  names: readonly string[],
  yes: boolean,
): Promise<void> {
  if (verb.harm === undefined || names.length < 2 || yes) return;
  if (!context.terminal.interactive) {
    throw usage(
      `"${verb.name}" on ${names.length} hosts asks before it acts; say --yes where nobody can answer`,
    );
  }
  if (!(await context.terminal.confirm(`${verb.harm} ${names.length} machines: ${foldHosts(names)}?`))) {
    throw new NsError('NS_INTERRUPTED', 'not done', { family: 'caller' });
  }
}

/** Shows equal answers once. One host alone has no name in front, so that its answer can be read by a script. */
export function showAnswers(
  context: Context,
  answers: readonly { readonly host: string; readonly answer: IpmiAnswer }[],
  alone: boolean,
): void {
  const texts = answers.map(({ host, answer }) => ({ host, text: answer.lines.map(clean).join('\n') }));
  for (const { hosts, text } of groupEqual(texts)) {
    const lines = text.split('\n');
    if (alone) for (const line of lines) context.terminal.print(line);
    else if (lines.length === 1) context.terminal.print(`${foldHosts(hosts)}: ${text}`);
    else
      for (const line of [`${foldHosts(hosts)}:`, ...lines.map((line) => `  ${line}`)])
        context.terminal.print(line);
  }
}

async function onTargets(
  context: Context,
  targets: readonly IpmiTarget[],
  verb: string,
  work: (target: IpmiTarget, signal: AbortSignal) => Promise<{ result: unknown; lines: readonly string[] }>,
): Promise<ExitCode> {
  let ended = 0;
  const progress = (): void => {
    if (context.json || targets.length < 2) return;
    context.terminal.status(ended === targets.length ? '' : `${ended} of ${targets.length} hosts`);
  };
  const answers = await forEachHost(
    targets.map(({ name }) => name),
    async (host) => {
      const target = targets.find(({ name }) => name === host)!;
      const begin = performance.now();
      let answer: IpmiAnswer;
      try {
        const done = await work(target, context.signal);
        answer = answered(host, verb, done, performance.now() - begin);
      } catch (error) {
        context.signal.throwIfAborted();
        answer = faulted(host, verb, error, performance.now() - begin);
      }
      ended += 1;
      progress();
      if (context.json) context.terminal.print(answer.json);
      return { host, answer };
    },
  ).finally(() => context.terminal.status(''));
  if (!context.json) showAnswers(context, answers, targets.length === 1);
  return exitOfAll(answers.map(({ answer }) => exitOfIpmi(answer.outcome)));
}

/** One verb on one BMC or many. */
export async function runVerb(context: Context, options: IpmiOptions, verb: IpmiVerb): Promise<ExitCode> {
  const access = await IpmiAccess.open(context, options);
  const targets = await access.targets(hostsOf(options));
  if (options.forgetPin) await access.forget(targets);
  await confirm(
    context,
    verb,
    targets.map(({ name }) => name),
    options.yes === true,
  );
  const { total } = context.timing;
  const timeout = total ?? TIMEOUT;
  // Mistakes of the command line and the configuration are found before anything is sent to anybody.
  const clients = new Map<string, Awaited<ReturnType<IpmiAccess['client']>>>();
  for (const target of targets) clients.set(target.name, await access.client(target, { timeout }));
  try {
    return await onTargets(context, targets, verb.name, async (target, signal) => {
      const client = clients.get(target.name)!;
      const limit = total === undefined ? undefined : AbortSignal.timeout(total);
      const until = limit === undefined ? signal : AbortSignal.any([signal, limit]);
      try {
        return await verb.run(client, until);
      } catch (error) {
        if (limit?.aborted !== true) throw error;
        throw new NsError('NS_DEADLINE', `"${verb.name}" took longer than --timeout`, { cause: error });
      } finally {
        await client.close();
      }
    });
  } finally {
    await access.done();
  }
}

/** What BMCs tell anybody: no user, no password. */
export async function runDiscover(context: Context, options: IpmiOptions): Promise<ExitCode> {
  const access = await IpmiAccess.open(context, options);
  const targets = await access.targets(remoteHostsOf(options, 'discover'));
  const timeout = milliseconds(context.timing.total ?? seconds(4));
  return onTargets(context, targets, 'discover', async ({ address, port }, signal) => {
    const result = await ipmiDiscover(address, { port, timeout }, signal);
    return { result, lines: showDiscovery(result) };
  });
}

/** Only --forget-pin: another machine may be there now. */
export async function forgetPins(context: Context, options: IpmiOptions): Promise<ExitCode> {
  const access = await IpmiAccess.open(context, options);
  const gone = await access.forget(await access.targets(hostsOf(options)));
  context.terminal.print(gone.length === 0 ? 'no pins there' : `forgotten: ${foldHosts(gone)}`);
  return EXIT.done;
}
