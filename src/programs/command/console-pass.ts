import type { Command } from 'commander';
import { systemEntropy } from '../../adapters/entropy.ts';
import { qrModules } from '../../adapters/qr-code.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { equalBytes, NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine, parseCount } from '../../fleet/index.ts';
import type { PublicKey } from '../../ports/index.ts';
import {
  MOST_PASS_MINUTES,
  passLine,
  publicKeyFromText,
  type Role,
  signPass,
  writePassRows,
} from '../../security/index.ts';
import { timeText } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { usage } from './keyring-files.ts';
import { confirmed } from './lock.ts';

interface PassOptions {
  readonly for?: string;
  readonly person?: string;
  readonly hours: string;
  readonly verbs?: string[];
  readonly paths?: string[];
  readonly qr?: true;
  readonly yes?: true;
}

const MOST_HOURS = MOST_PASS_MINUTES / 60;
const MARKS = ['-----BEGIN NIGHTSHIFT CONSOLE PASS-----', '-----END NIGHTSHIFT CONSOLE PASS-----'] as const;
const GIVERS: readonly Role[] = ['operator', 'security'];
/** Two characters a module, so that modules are about square; light is what is printed. */
const QUIET = 4;

/** What this side's configuration says of the own key is worth a word, and decides nothing. */
async function warnOfRole(context: Context, publicKey: PublicKey): Promise<void> {
  const { people } = await context.config();
  const me = people.find(({ key }) => equalBytes(publicKeyFromText(key).keyId, publicKey.keyId));
  if (me === undefined || GIVERS.includes(me.role)) return;
  context.terminal.warn(
    `Your key has the role ${me.role} here; devices take passes of operators and security officers.`,
  );
}

async function pass(context: Context, host: string, o: PassOptions): Promise<ExitCode> {
  const { for: name, person = name, verbs, paths } = o;
  if (name === undefined || person === undefined) throw usage('say who is to be let in: --for NAME');
  const hours = parseCount(o.hours, 'number of hours', 1, MOST_HOURS);
  const { tenant, devices } = await context.config();
  const deviceKey = devices.get(host);
  if (deviceKey === undefined) {
    throw new NsError(
      'NS_DEVICE_UNKNOWN',
      `no public key is known for "${host}"; a pass is for one device, so put it under "devices" in the configuration`,
      { family: 'caller' },
    );
  }
  const { key, grants = [] } = await context.signer();
  if (grants.length > 0)
    throw usage('your right was passed on to you: who has it by the keyring gives passes');
  await warnOfRole(context, key.publicKey);
  const at = systemClock.wallSeconds();
  const terms = {
    ...{ name, person, at, minutes: hours * 60, salt: systemEntropy.randomBytes(4) },
    ...(verbs === undefined ? {} : { verbs }),
    ...(paths === undefined ? {} : { paths }),
  };
  if (!context.json) {
    context.terminal.warn(
      `${person} logs in at the console of ${host} as ${name}, once, until ${timeText(at + hours * 3600)}, and gives ` +
        `orders there as you may: ${verbs?.join(', ') ?? 'all that can be passed on'}${paths === undefined ? '' : ` below ${paths.join(', ')}`}.`,
    );
  }
  await confirmed(context, 'Sign the pass?', o.yes === true);
  const rows = writePassRows(await signPass({ tenant, device: host, deviceKey }, terms, key));
  if (context.json) {
    context.terminal.print(
      jsonLine('pass', { host, name, person, until: at + hours * 3600, rows, qr: passLine(rows) }),
    );
    return EXIT.done;
  }
  const [begin, end] = MARKS;
  for (const line of [begin, ...rows, end]) context.terminal.print(line);
  if (o.qr === true) for (const line of drawn(qrModules(passLine(rows)))) context.terminal.print(line);
  context.terminal.warn(
    `At the console: login --pass. Whoever has these rows is let in: hand them to ${person} alone.`,
  );
  return EXIT.done;
}

function drawn(modules: readonly (readonly boolean[])[]): readonly string[] {
  const width = (modules[0]?.length ?? 0) + 2 * QUIET;
  const edge = Array.from({ length: QUIET }, () => '\u2588\u2588'.repeat(width));
  const side = '\u2588\u2588'.repeat(QUIET);
  const rows = modules.map(
    (row) => `${side}${row.map((dark) => (dark ? '  ' : '\u2588\u2588')).join('')}${side}`,
  );
  return [...edge, ...rows, ...edge];
}

/** console-pass: lets somebody in at the console of one device, once. */
export function addConsolePassCommand(program: Command, run: Run): void {
  program
    .command('console-pass')
    .description('let somebody without an account log in at the console of one device, once; works offline')
    .argument('<device>', 'the machine whose console it is')
    .option('--for <name>', 'who is let in, as a technician is called: small letters, digits, ".", "_", "-"')
    .option('--person <name>', 'who that is (default: the name)')
    .option('--hours <count>', `how long it is good, log-in and orders: ${MOST_HOURS} at most`, '8')
    .option('--verbs <verb...>', 'only these: file.stat, "io.*"')
    .option('--paths <path...>', 'only there and below: /var/log')
    .option('--qr', 'as a QR code too')
    .option('-y, --yes', 'do not ask')
    .action((host: string, o: PassOptions) => run((context) => pass(context, host, o)));
}
