import { type Command, Option } from 'commander';
import type { Run } from './files.ts';
import type { IpmiOptions } from './ipmi-run.ts';
import type { SolOptions } from './ipmi-sol.ts';
import type { ResidentOptions, SweepOptions } from './ipmi-sweep.ts';
import type { IpmiVerb } from './ipmi-verb.ts';
import type { PowerVerbOptions } from './ipmi-verbs.ts';

type Verbs = typeof import('./ipmi-verbs.ts');

const AFTER_HELP = `
--host takes names of the configuration's section "ipmi", ranges, lists, @group and
@all, and plain addresses: 10.0.0.7, 10.0.0.7:9623, bmc7:623, [fe80::1]:623.

The password comes from --password-file, else NIGHTSHIFT_IPMI_PASSWORD_FILE or
NIGHTSHIFT_IPMI_PASSWORD, else the configuration (passwordFile), else it is asked
for. No option takes a password: others could read it in the list of processes.

Sessions are RMCP+ with cipher suite 17 (SHA-256). "--suites 17,3" also allows 3,
which rests on SHA-1, for BMCs that have nothing better. Once 17 has worked with a
BMC nothing weaker is tried with it; --forget-pin forgets that.

Power actions wait until the machine shows them. What does harm to more than one
machine is asked for first, unless --yes.

Exit status:
  0 done   2 wrong command line, configuration or file of secrets; nothing was sent
  3 refused: wrong user or password (never tried twice), privilege too low, cipher
    suite refused, or a command that the BMC answered with a completion code
  4 failed: the machine did not come to be as ordered, the BMC is busy or makes no sense
  5 no answer   6 hosts ended differently   130 stopped by Ctrl-C

Examples:
  nightshift ipmi --host 10.0.0.7 --user admin --password-file bmc.pass status
  nightshift ipmi --host rack[1-40] power status
  nightshift ipmi --host rack7 power cycle --on-if-off
  nightshift ipmi --host rack7 sol
  nightshift ipmi sweep rack[1-64] --power --every 10s`;

/** ipmi: the BMCs that are there already. What speaks IPMI is loaded only by whoever asks for it. */
export function addIpmiCommands(program: Command, run: Run): void {
  const ipmi = program
    .command('ipmi')
    .description("talk to the hosts' own BMCs by IPMI 2.0")
    .option('--host <hosts>', 'BMC: name, range, list, @group or ADDRESS[:PORT]')
    .option('--local', "this machine's own BMC, by the kernel's driver; needs no user")
    .option('--user <name>', 'user of the BMC')
    .option('--password-file <file>', 'its first line is the password')
    .option('--suites <list>', 'cipher suites to try, in this order: 17, or 17,3')
    .addOption(
      new Option('--level <level>', 'the highest privilege level to ask for').choices([
        'user',
        'operator',
        'administrator',
      ]),
    )
    .option('--kg-file <file>', 'its first line is the BMC key (Kg): a text, or 0x and 40 digits')
    .option('--quirks <list>', 'leave to BMCs that break the specification')
    .option('--forget-pin', 'forget that cipher suite 17 has worked with these BMCs')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', AFTER_HELP)
    .action((_own: unknown, command: Command) => {
      if (command.args.length > 0) command.error(`error: unknown command '${command.args[0]}'`);
      const options = command.opts<IpmiOptions>();
      if (!options.forgetPin) command.help({ error: true });
      return run(async (context) => (await import('./ipmi-run.ts')).forgetPins(context, options));
    });
  ipmi.allowExcessArguments();
  const options = (): IpmiOptions => ipmi.opts<IpmiOptions>();
  const go = (make: (verbs: Verbs) => IpmiVerb): Promise<void> =>
    run(async (context) => {
      const [{ runVerb }, verbs] = await Promise.all([import('./ipmi-run.ts'), import('./ipmi-verbs.ts')]);
      return runVerb(context, options(), make(verbs));
    });
  addPower(ipmi, go);
  addRecords(ipmi, go);
  addSettings(ipmi, go);
  ipmi
    .command('discover')
    .description('what the BMC offers to anybody: no user, no password')
    .action(() => run(async (context) => (await import('./ipmi-run.ts')).runDiscover(context, options())));
  ipmi
    .command('sol')
    .description("the machine's serial console; ~. ends it, ~? tells more")
    .option('--take-over', 'end whoever has the console now')
    .option('--no-escape', 'send ~ like any other key; end with SIGTERM')
    .action((o: SolOptions) =>
      run(async (context) => (await import('./ipmi-sol.ts')).runSol(context, options(), o)),
    );
  addSweeps(ipmi, run, options);
}

function addPower(ipmi: Command, go: (make: (verbs: Verbs) => IpmiVerb) => Promise<void>): void {
  ipmi
    .command('chassis-status')
    .alias('status')
    .description('power, faults, intrusion, front panel')
    .action(() => go((verbs) => verbs.chassisStatus()));
  ipmi
    .command('power')
    .description('switch the machine, or say whether it is on')
    .argument('<action>', 'on, off, cycle, reset, soft, diag or status')
    .option('--no-wait', 'do not wait until the machine shows it')
    .option('--within <time>', 'wait so long for it: 30s, and 2m for soft')
    .option('--on-if-off', 'for cycle and reset: switch a machine on that is off')
    .action((action: string, o: PowerVerbOptions) => go((verbs) => verbs.power(action, o)));
  ipmi
    .command('identify')
    .description('light the lamp')
    .argument('[seconds]', 'how long; or on, or off (15 s by default)')
    .action((how: string | undefined) => go((verbs) => verbs.identify(how)));
  ipmi
    .command('policy')
    .description('what the machine does when mains power comes back')
    .argument('[policy]', 'always-off, previous or always-on; shown without one')
    .action((wanted: string | undefined) => go((verbs) => verbs.policy(wanted)));
  ipmi
    .command('bootdev')
    .description('what the machine boots from next')
    .argument('<device>', 'none, pxe, disk, cdrom, bios, floppy, …')
    .option('--persistent', 'for every boot')
    .option('--efi', 'by EFI')
    .action((device: string, o: { persistent?: true; efi?: true }) =>
      go((verbs) => verbs.bootdev(device, o)),
    );
}

function addRecords(ipmi: Command, go: (make: (verbs: Verbs) => IpmiVerb) => Promise<void>): void {
  const sel = ipmi.command('sel').description('the event log');
  sel
    .command('list', { isDefault: true })
    .description('all records, the oldest first')
    .action(() => go((verbs) => verbs.selList()));
  sel
    .command('info')
    .description('how full it is')
    .action(() => go((verbs) => verbs.selInfo()));
  sel
    .command('clear')
    .description('erase it')
    .action(() => go((verbs) => verbs.selClear()));
  sel
    .command('delete')
    .description('delete one record')
    .argument('<id>', 'as "sel list" shows it')
    .action((id: string) => go((verbs) => verbs.selDelete(id)));
  const sdr = ipmi.command('sdr').description('the sensor data repository');
  sdr
    .command('list', { isDefault: true })
    .description('all records, and what the sensors say')
    .action(() => go((verbs) => verbs.sdrList()));
  ipmi
    .command('sensor')
    .description('sensors, with their thresholds')
    .argument('[what]', 'list, or get', 'list')
    .argument('[name]', 'of the sensor')
    .action((what: string, name: string | undefined) => go((verbs) => verbs.sensor(what, name)));
  ipmi
    .command('fru')
    .description('inventory: part and serial numbers')
    .argument('[what]', 'print', 'print')
    .argument('[device]', 'FRU device id; all of them without one')
    .action((what: string, device: string | undefined) =>
      go((verbs) => verbs.fruPrint(what === 'print' ? device : what)),
    );
}

function addSettings(ipmi: Command, go: (make: (verbs: Verbs) => IpmiVerb) => Promise<void>): void {
  const channel = (
    name: string,
    word: string,
    what: string,
    make: (verbs: Verbs, n?: string) => IpmiVerb,
  ): void => {
    ipmi
      .command(name)
      .description(what)
      .argument('[what]', word, word)
      .argument('[channel]', 'number; the one that is asked over by default')
      .action((first: string, n: string | undefined) =>
        go((verbs) => make(verbs, first === word ? n : first)),
      );
  };
  channel('lan', 'print', "the BMC's network", (verbs, n) => verbs.lan(n));
  channel('user', 'list', 'its users and their levels', (verbs, n) => verbs.users(n));
  channel('channel', 'info', 'the channel', (verbs, n) => verbs.channelInfo(n));
  ipmi
    .command('mc')
    .description('the BMC itself')
    .argument('[what]', 'info, guid or selftest', 'info')
    .action((what: string) => go((verbs) => verbs.mc(what)));
  ipmi
    .command('watchdog')
    .description('the watchdog timer')
    .action(() => go((verbs) => verbs.watchdog()));
  ipmi
    .command('dcmi')
    .description('what the machine draws')
    .addArgument(ipmi.createArgument('[what]', 'power').choices(['power']).default('power'))
    .action(() => go((verbs) => verbs.dcmiPower()));
  ipmi
    .command('session')
    .description('the session that asks')
    .addArgument(ipmi.createArgument('[what]', 'info').choices(['info']).default('info'))
    .action(() => go((verbs) => verbs.sessionInfo()));
  ipmi
    .command('raw')
    .description('any command, and the data of its answer')
    .argument('<netfn>', 'network function')
    .argument('<command>', 'its number')
    .argument('[data...]', 'bytes: 0x1f, 1fh or 31')
    .action((netFn: string, code: string, data: string[]) => go((verbs) => verbs.raw(netFn, code, data)));
}

function addSweeps(ipmi: Command, run: Run, options: () => IpmiOptions): void {
  ipmi
    .command('sweep')
    .description('ask many BMCs at once; with --every again and again, over sessions that stay open')
    .argument('<hosts>', 'name, range, list, @group or ADDRESS[:PORT]')
    .option('--power', 'whether machines are on (by default)')
    .option('--sensors', 'all sensors')
    .option('--sel', 'how many events there are, and the newest')
    .option('--every <time>', 'sweep again and again, and print what has changed: 10s')
    .option('--window <n>', 'ask so many at once', '64')
    .option('--within <time>', 'give up on a BMC after this long', '5s')
    .option('--via <socket>', 'ask "nightshift ipmi resident" there, whose sessions are open already')
    .action((hosts: string, o: SweepOptions) =>
      run(async (context) => (await import('./ipmi-sweep.ts')).runSweep(context, options(), hosts, o)),
    );
  ipmi
    .command('resident')
    .description('keep sessions open, and answer "sweep --via" on a unix socket, until SIGTERM')
    .requiredOption('--socket <path>', 'a unix socket, for this user only')
    .option('--window <n>', 'ask so many at once', '64')
    .option('--within <time>', 'give up on a BMC after this long', '5s')
    .action((o: ResidentOptions) =>
      run(async (context) => (await import('./ipmi-sweep.ts')).runResident(context, options(), o)),
    );
}
