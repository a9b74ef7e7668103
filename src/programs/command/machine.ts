import { type Command, Option } from 'commander';
import { toHex } from '../../base/index.ts';
import { type OrderEvent, parseBytes, parseChannelValue, parseCount, parseSpan } from '../../fleet/index.ts';
import type { ArgsOf, Verb } from '../../protocol/index.ts';
import type { Run } from './files.ts';
import { addLockCommands } from './lock.ts';
import { runOnHosts, simpleOrder } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';

const HOSTS = 'host, range, list or @group';
const TASK_ID_BYTES = 16;

/** A command that only asks, by one order without arguments. */
function addPlain(program: Command, run: Run, name: string, verb: Verb, description: string): void {
  withWatch(program.command(name).description(description).argument('<hosts>', HOSTS)).action(
    (hosts: string, o: WatchOptions) =>
      run((context) => runWatched(context, hosts, simpleOrder(context, verb, {} as never), o)),
  );
}

export interface MemoryOptions {
  readonly medium: 'dram' | 'spd' | 'storage';
  readonly algorithm?: ('mats+' | 'march-c-')[];
  readonly range?: string[];
  readonly disk?: string;
}

export function memoryArgs(o: MemoryOptions): ArgsOf<'memory.check'> {
  return {
    medium: o.medium,
    ...(o.algorithm === undefined ? {} : { algorithms: o.algorithm }),
    ...(o.range === undefined ? {} : { ranges: o.range.map(parseSpan) }),
    ...(o.disk === undefined ? {} : { disk: o.disk }),
  };
}

function addMemory(program: Command, run: Run): void {
  const list = (text: string, before: string[] = []): string[] => [...before, text];
  program
    .command('memcheck')
    .description('check memory, module data or the disk surface of hosts that are down')
    .argument('<hosts>', HOSTS)
    .addOption(
      new Option('--medium <medium>', 'what to check')
        .choices(['dram', 'spd', 'storage'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--algorithm <name...>', 'dram: which test').choices(['mats+', 'march-c-']))
    .option('--range <start+length>', 'dram: bytes, storage: LBAs; may be repeated', list)
    .option('--disk <name>', 'storage: which disk')
    .action((hosts: string, o: MemoryOptions) =>
      run(async (context) => {
        const args = memoryArgs(o);
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'memory.check', args));
      }),
    );
}

export interface SamplingOptions {
  readonly seconds?: string;
  readonly samples?: string;
}

export function samplingArgs(channel: string, { seconds, samples }: SamplingOptions): ArgsOf<'io.watch'> {
  return {
    channel,
    ...(seconds === undefined ? {} : { seconds: parseCount(seconds, 'number of seconds', 1, 3600) }),
    ...(samples === undefined ? {} : { samples: parseCount(samples, 'number of samples', 1, 10_000) }),
  };
}

export function cancelArgs(id: string): ArgsOf<'task.cancel'> {
  return { task: parseBytes(id, 'task id', TASK_ID_BYTES) };
}

function sampleText(event: OrderEvent): string | undefined {
  if (event.event !== 'progress' || event.sample === undefined) return undefined;
  return typeof event.sample === 'number' ? String(event.sample) : toHex(event.sample);
}

function addWatch(io: Command, run: Run): void {
  io.command('watch')
    .description('follow a channel')
    .argument('<hosts>', HOSTS)
    .argument('<channel>')
    .option('--seconds <n>', 'for so long, at most 3600')
    .option('--samples <n>', 'so many, at most 10000')
    .action((hosts: string, channel: string, o: SamplingOptions) =>
      run(async (context) => {
        const args = samplingArgs(channel, o);
        const onEvent = (host: string, event: OrderEvent): void => {
          const sample = sampleText(event);
          if (sample !== undefined && !context.json) context.terminal.print(`${host}: ${channel} ${sample}`);
        };
        return runOnHosts(
          context,
          await context.hosts(hosts),
          simpleOrder(context, 'io.watch', args, { onEvent }),
        );
      }),
    );
}

function addIo(program: Command, run: Run): void {
  const io = program.command('io').description('read and drive the I/O channels that the board enrols');
  addPlain(io, run, 'list', 'io.list', 'list the channels, with unit, direction and limits');
  io.command('read')
    .description('read a channel')
    .argument('<hosts>', HOSTS)
    .argument('<channel>')
    .option('--to <file>', 'keep its bytes in a file that is not there yet: a picture, a memory')
    .action((hosts: string, channel: string, { to }: { to?: string }) =>
      run(async (context) => {
        const names = await context.hosts(hosts);
        if (to === undefined) return runOnHosts(context, names, simpleOrder(context, 'io.read', { channel }));
        const { readIntoFile } = await import('./io-read.ts');
        return runOnHosts(context, names, readIntoFile(context, names, channel, to));
      }),
    );
  io.command('write')
    .description('write a channel, within its limits')
    .argument('<hosts>', HOSTS)
    .argument('<channel>')
    .argument('<value>', "a whole number in the channel's unit, hex:0a1b or text:hello")
    .option('--dry-run', 'say what would change, and write nothing')
    .action((hosts: string, channel: string, value: string, o: { dryRun?: true }) =>
      run(async (context) => {
        const args = { channel, value: parseChannelValue(value), ...(o.dryRun ? { dryRun: true } : {}) };
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'io.write', args));
      }),
    );
  addWatch(io, run);
}

function addCancel(program: Command, run: Run): void {
  program
    .command('cancel')
    .description("ask a task to stop; the task's own receipt says how it ended")
    .argument('<hosts>', HOSTS)
    .argument('<task>', 'the id that "nightshift tasks" shows')
    .action((hosts: string, id: string) =>
      run(async (context) => {
        const args = cancelArgs(id);
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'task.cancel', args));
      }),
    );
}

/** memcheck, io, sensors, status, disable, enable, tasks, cancel. */
export function addMachineCommands(program: Command, run: Run): void {
  addPlain(program, run, 'status', 'machine.status', 'show power, lock, disks and tasks of hosts');
  addMemory(program, run);
  addIo(program, run);
  addPlain(
    program,
    run,
    'sensors',
    'sensor.read',
    'show what the sensors of hosts say, and what is not well',
  );
  addLockCommands(program, run);
  addPlain(program, run, 'tasks', 'task.list', 'list the tasks of devices');
  addCancel(program, run);
}
