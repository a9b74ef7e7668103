import { Command, CommanderError, Option } from 'commander';
import { asNsError, type NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine } from '../../fleet/index.ts';
import { clean } from '../../show/index.ts';
import { VERSION } from '../version.ts';
import { addAuditCommand } from './audit.ts';
import { addBudgetCommands } from './budget.ts';
import { addChainCommands } from './chain.ts';
import { addClockCommand } from './clock.ts';
import { addCompletionCommands } from './completion.ts';
import { addConsolePassCommand } from './console-pass.ts';
import { type Context, type GlobalOptions, openContext } from './context.ts';
import { addDeviceCommand } from './device.ts';
import { addExporterCommand } from './exporter.ts';
import { addFileCommands, type Run } from './files.ts';
import { addFindCommand } from './find.ts';
import { addGrantCommands } from './grant.ts';
import { addInitCommand } from './init.ts';
import { addIpmiCommands } from './ipmi.ts';
import { addKeyringCommands } from './keyring.ts';
import { addLocalCommands } from './local.ts';
import { addMachineCommands } from './machine.ts';
import { addMediaCommands } from './media.ts';
import { addPkiCommands } from './pki.ts';
import { addReleaseCommand } from './release.ts';
import { addSignCommands } from './sign.ts';
import { addStagedCommands } from './staged.ts';
import { addTokenCommands } from './token.ts';
import { addTwoPeopleCommands } from './two-people.ts';
import { addUpdateCommands } from './update.ts';
import { addVerifyCommand } from './verify.ts';
import { addVolumeCommands } from './volumes.ts';
import { addWebCommand } from './web.ts';

const AFTER_HELP = `
HOSTS is a name, a range or a list: rack1, rack[1-40], web[01-12,20],db1, @group, @all;
^FILE is a list of hosts in a file, ^- one on standard input. --all-but HOSTS leaves some out.
PATH is /path, or VOLUME:/path as in disk0p2:/etc/fstab or LABEL=root:/etc/fstab.

Examples:
  nightshift init     (a first key and configuration)
  nightshift keys new --role operator --name olga
  nightshift status rack[1-4]
  nightshift status @all --all-but rack[3-4]
  nightshift volumes rack1
  nightshift get rack1 /var/log/syslog
  nightshift find rack[1-4] / --name '*.pem' --newer 7d
  nightshift put fstab rack[1-4] /etc/fstab --replace --dry-run
  nightshift rm rack1 '/var/crash/*' --dry-run
  nightshift clock rack[1-40] --set
  nightshift memcheck rack1 --medium dram
  nightshift chain rack1
  nightshift update rack[1-40] ast2600-evb-1.3.0.nsfw --canary 1
  nightshift token issue laptop7 --for lock --key gina.key -o tokens.txt
  nightshift sign disable laptop7 --reason stolen --tokens tokens.txt -o order.txt
  nightshift cosign order.txt     (a second person)
  nightshift send order.txt
  nightshift release rack1 WORD...   (what its console shows)
  nightshift console-pass rack1 --for kim --hours 8
  nightshift ipmi --host 10.0.0.7 --user admin status
  nightshift verify
  nightshift explain HOST_SUSPENDED

Exit status:
  0 done   1 fault of this machine   2 wrong command line or configuration
  3 refused   4 failed   5 unreachable or no answer   6 hosts ended differently
  130 stopped by Ctrl-C

Configuration: --config FILE, else NIGHTSHIFT_CONFIG, ./nightshift.yaml or
~/.config/nightshift/config.yaml. NIGHTSHIFT_BROKER, NIGHTSHIFT_TENANT and
NIGHTSHIFT_KEY replace single values; NIGHTSHIFT_PASSPHRASE_FILE names a file
whose first line is the passphrase of the key, and
NIGHTSHIFT_COSIGN_PASSPHRASE_FILE and NIGHTSHIFT_TOKEN_PASSPHRASE_FILE those of
--cosign-key and --token-key.`;

/** Mistakes of whoever typed: nothing was sent. */
const USAGE = new Set([
  'NS_USAGE',
  'NS_LISTEN_ADDRESS',
  'NS_CONFIG_INVALID',
  'NS_HOSTS_INVALID',
  'NS_KEY_FILE',
  'NS_KEY_AGENT',
  'NS_DEVICE_UNKNOWN',
  'NS_ORDER_INVALID',
  'NS_ORDER_FILE',
  'NS_ORDER_STRANGER',
  'NS_KEYRING_INVALID',
  'NS_GRANT_FILE',
  'NS_GRANT_INVALID',
  'NS_PASS',
  'NS_KEY_INVALID',
  'NS_NEEDS_TOKEN',
  'NS_TOKEN_FILE',
  'NS_BUDGET_SPENT',
  'NS_EPOCH_TOO_SOON',
  'NS_LEDGER',
  'NS_BROKER_URL',
  'NS_NAME_INVALID',
  'NS_RECEIPTS',
  'NS_IPMI_CREDENTIALS',
  'NS_IPMI_SUITE',
  'NS_IPMI_ARGUMENT',
  'NS_IPMI_PINNED',
  'NS_IPMI_PINS',
  'NS_BROKER_CA',
  'NS_PKI_SITE',
  'NS_PKI_EXISTS',
  'NS_PKI_BUSY',
  'NS_PKI_IN_USE',
  'NS_PKI_PASSPHRASE',
  'NS_PKI_KEY_MODE',
  'NS_FIRMWARE_FILE',
  'NS_CHALLENGE',
  'NS_KEY_AGREEMENT',
]);

function exitOfFault(fault: NsError): ExitCode {
  if (fault.code === 'NS_INTERRUPTED') return EXIT.interrupted;
  if (fault.code === 'NS_BROKER_UNREACHABLE') return EXIT.unreachable;
  return USAGE.has(fault.code) ? EXIT.usage : EXIT.local;
}

function report(context: Context | undefined, fault: NsError): void {
  if (context?.json)
    context.terminal.print(jsonLine('fault', { fault: { code: fault.code, sentence: fault.message } }));
  else process.stderr.write(`nightshift: ${clean(fault.message)}\n`);
}

/** Wherever hosts are named, and nowhere else: what would leave nobody out is refused. */
function addAllBut(command: Command): void {
  const names = command.registeredArguments.some((argument) => argument.name() === 'hosts');
  const options = command.options.some(({ long }) => long === '--host');
  if (names || options) command.option('--all-but <hosts>', 'of the hosts, leave these out');
  // What stands before a command reaches all that is below it.
  if (!options) for (const below of command.commands) addAllBut(below);
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  let context: Context | undefined;
  let allBut: string | undefined;
  const program = new Command('nightshift')
    .description('Work on hosts that are switched off, without switching them on.')
    .version(VERSION)
    .option('--config <file>', 'configuration file')
    .option('--key <key>', 'private key to sign with: a file, or ssh-agent:SHA256:… or ssh-agent:COMMENT')
    .option('--grant <file>', 'by which the key has its right, where somebody passed it on')
    .option('--json', 'one JSON object a line')
    .option('--fresh', 'bind orders to a nonce that the device gives out now, not to its wall clock')
    .option('--trace', 'orders carry a W3C trace context, which the devices must know')
    .option('--timeout <time>', 'give up after this long: 30s, 5m, 2h')
    .option('--at-once <n>', 'work on so many hosts at a time; 32 where it is not said')
    .addOption(
      new Option(
        '--progress <form>',
        'what is said meanwhile, on standard error: auto (on a terminal), log (lines, one a second at most), none',
      ).choices(['auto', 'log', 'none']),
    )
    .addHelpText('after', AFTER_HELP)
    .showSuggestionAfterError()
    .exitOverride();
  const run: Run = async (work) => {
    context = openContext({ ...program.opts<GlobalOptions>(), ...(allBut === undefined ? {} : { allBut }) });
    code = await work(context);
  };
  addFileCommands(program, run);
  addFindCommand(program, run);
  addVolumeCommands(program, run);
  addMachineCommands(program, run);
  addStagedCommands(program, run);
  addMediaCommands(program, run);
  addUpdateCommands(program, run);
  addClockCommand(program, run);
  addAuditCommand(program, run);
  addVerifyCommand(program, run);
  addSignCommands(program, run);
  addTwoPeopleCommands(program, run);
  addReleaseCommand(program, run);
  addTokenCommands(program, run);
  addBudgetCommands(program, run);
  addChainCommands(program, run);
  addIpmiCommands(program, run);
  addInitCommand(program, run);
  addDeviceCommand(program, run);
  addLocalCommands(program, run);
  addKeyringCommands(program, run);
  addGrantCommands(program, run);
  addConsolePassCommand(program, run);
  addPkiCommands(program, run);
  addWebCommand(program, run);
  addExporterCommand(program, run);
  addCompletionCommands(program, run, AFTER_HELP);
  addAllBut(program);
  program.hook('preAction', (_program, command) => {
    ({ allBut } = command.optsWithGlobals<{ allBut?: string }>());
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    // It has said all there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const fault = asNsError(error);
    report(context, fault);
    return exitOfFault(fault);
  }
}

// Whoever reads may have read enough ("| head"): what was ordered is followed to its end all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.exitCode = await main(process.argv);
