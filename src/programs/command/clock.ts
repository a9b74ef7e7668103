import type { Command } from 'commander';
import { systemClock } from '../../adapters/system-clock.ts';
import { NsError } from '../../base/index.ts';
import type { ExitCode } from '../../fleet/index.ts';
import { showClock } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, followOrder, type HostWork, runOnHosts, simpleOrder } from './run.ts';

interface ClockOptions {
  readonly set?: true;
  readonly far?: true;
  readonly cosignKey?: string;
}

/** A device whose wall clock refuses the question is asked again by a nonce, which the refusal brings. */
function look(context: Context): HostWork {
  return async (fleet, host, watch) => {
    const timing = { ...context.timing, by: 'nonce-if-given' as const };
    const run = await fleet.order(host, 'machine.status', {}, { signal: context.signal, timing });
    const { json, code, lines } = await followOrder(host, 'machine.status', run, watch);
    const outcome = await run.outcome;
    const clock = outcome.is === 'receipt' ? outcome.result?.clock : undefined;
    if (clock === undefined) return { json, code, lines };
    return {
      ...answerOf(host, 'machine.status', outcome),
      lines: showClock(clock, systemClock.wallSeconds()),
    };
  };
}

function set(context: Context, far: boolean): HostWork {
  return (fleet, host, watch) => {
    const args = { at: systemClock.wallSeconds(), ...(far ? { farAhead: true } : {}) };
    return simpleOrder(context, 'clock.set', args)(fleet, host, watch);
  };
}

async function clock(context: Context, hosts: string, o: ClockOptions): Promise<ExitCode> {
  const names = await context.hosts(hosts);
  if (o.set !== true) return runOnHosts(context, names, look(context));
  const far = o.far === true;
  if (far !== (o.cosignKey !== undefined)) {
    throw new NsError('NS_USAGE', '--far takes two people: say --far and --cosign-key FILE together', {
      family: 'caller',
    });
  }
  return runOnHosts(
    context,
    names,
    set(context, far),
    o.cosignKey === undefined ? {} : { cosignKey: o.cosignKey },
  );
}

/** clock: what devices know of time, and signed time for them. */
export function addClockCommand(program: Command, run: Run): void {
  program
    .command('clock')
    .description(
      "show what devices take for the time, beside this machine's; with --set, sign the time for them",
    )
    .argument('<hosts>', 'host, range, list or @group')
    .option(
      '--set',
      "tell them this machine's time: they believe nothing older from then on; it cannot be taken back",
    )
    .option('--far', 'with --set: more than 31 days ahead of what they know; needs two people')
    .option('--cosign-key <file>', 'with --far: private key of the second person')
    .action((hosts: string, o: ClockOptions) => run((context) => clock(context, hosts, o)));
}
