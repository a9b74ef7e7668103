import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { readOrderText, writeOrderText } from '../../adapters/order-file.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { NsError, toHex } from '../../base/index.ts';
import {
  currentEpoch,
  EXIT,
  type ExitCode,
  encodeTokenFile,
  firstEpoch,
  jsonLine,
  LARGEST_ARMOURED,
  type Limits,
  ledgerText,
  leftOf,
  newLedger,
  nextEpoch,
  parseCount,
  parseLimits,
  readLedger,
  readTokenFile,
  showLedger,
  showTokens,
  type TokenLedger,
  withLimits,
} from '../../fleet/index.ts';
import { DESTRUCTIONS, type Destruction, Keyring, type TokenDraft } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { checkEpoch, openGovernor } from './governor.ts';
import { confirmed } from './lock.ts';

const DEFAULT_LIMITS: Limits = { lock: 10, wipe: 10 };

function printLedger(context: Context, ledger: TokenLedger): void {
  if (context.json) {
    const { epoch, began, given } = currentEpoch(ledger);
    const left = { lock: leftOf(ledger, 'lock'), wipe: leftOf(ledger, 'wipe') };
    const { governor, tenant, limits } = ledger;
    context.terminal.print(jsonLine('ledger', { tenant, governor, epoch, began, limits, left, given }));
  } else for (const line of showLedger(ledger)) context.terminal.print(line);
}

function printTokens(context: Context, tenant: string, tokens: readonly TokenDraft[]): void {
  if (context.json) {
    for (const { device, for: kind, epoch, n, at, keyId, governor } of tokens) {
      const by = governor === undefined ? {} : { name: governor.name, person: governor.person };
      context.terminal.print(
        jsonLine('token', { host: device, for: kind, epoch, n, at, governor: { key: toHex(keyId), ...by } }),
      );
    }
  } else for (const line of showTokens(tenant, tokens)) context.terminal.print(clean(line));
}

const parseEpoch = (text: string): number => parseCount(text, 'epoch', 0, 2 ** 40);

async function init(context: Context, o: { limit?: string; epoch?: string }): Promise<ExitCode> {
  const governor = await openGovernor(context);
  const now = systemClock.wallSeconds();
  const limits = o.limit === undefined ? DEFAULT_LIMITS : parseLimits(o.limit, DEFAULT_LIMITS);
  const epoch = o.epoch === undefined ? firstEpoch(now) : parseEpoch(o.epoch);
  await governor.file.update((text) => {
    if (text !== undefined) {
      readLedger(text, governor.owner);
      throw new NsError('NS_LEDGER', `${governor.file.directory} holds a ledger already`, {
        family: 'caller',
      });
    }
    return ledgerText(newLedger(governor.owner, limits, epoch, now));
  });
  printLedger(context, await governor.ledger());
  context.terminal.warn(
    `${governor.file.directory} holds the numbers. Never put an old copy of it back: numbers would be signed twice, and ` +
      'the epoch be worth nothing. Where it is lost, begin anew with a higher epoch.',
  );
  return EXIT.done;
}

interface IssueOptions {
  readonly for: Destruction;
  readonly out: string;
  readonly epoch?: string;
  readonly yes?: true;
}

async function issue(context: Context, ranges: readonly string[], o: IssueOptions): Promise<ExitCode> {
  const hosts = await context.hosts(ranges.join(','));
  if (existsSync(o.out)) {
    throw new NsError('NS_TOKEN_FILE', `${o.out}: a file is there already`, { family: 'caller' });
  }
  const epoch = o.epoch === undefined ? undefined : parseEpoch(o.epoch);
  const governor = await openGovernor(context);
  const ledger = await governor.ledger();
  checkEpoch(ledger, epoch);
  const left = leftOf(ledger, o.for);
  const after = left - hosts.length;
  const count = `${hosts.length} ${hosts.length === 1 ? 'token' : 'tokens'}`;
  const rest =
    after < 0 ? `only ${left} are left` : `${after} of ${ledger.limits[o.for]} are left after that`;
  // Where they are too few, the ledger says so when it is asked.
  if (after >= 0) {
    const question = `Sign ${count} for ${o.for} in epoch ${currentEpoch(ledger).epoch}? ${rest}.`;
    await confirmed(context, question, o.yes === true);
  }
  const tokens = await governor.issue(o.for, hosts, epoch);
  const { tenant } = governor.owner;
  const text = encodeTokenFile({ tenant, packets: [...tokens.values()] });
  await writeOrderText(o.out, text, false);
  const { people } = await context.config();
  printTokens(context, tenant, readTokenFile(text, new Keyring(people), tenant));
  context.terminal.warn(`${o.out}: give it to whoever gives the orders, who add: --tokens ${o.out}`);
  return EXIT.done;
}

async function next(context: Context, o: { sooner?: true; yes?: true }): Promise<ExitCode> {
  const governor = await openGovernor(context);
  const now = systemClock.wallSeconds();
  const before = await governor.ledger();
  const { epoch } = currentEpoch(nextEpoch(before, now, o.sooner === true));
  const { lock, wipe } = before.limits;
  for (const line of [
    `Epoch ${epoch} has a budget of its own: ${lock} for lock, ${wipe} for wipe, whatever was used before.`,
    `Once a device has seen a token of epoch ${epoch}, it takes none of epoch ${epoch - 2} and before; those of ${epoch - 1} still count.`,
  ]) {
    context.terminal.warn(line);
  }
  await confirmed(context, `Begin epoch ${epoch}?`, o.yes === true);
  const after = await governor.change((ledger) => {
    checkEpoch(ledger, epoch - 1);
    return nextEpoch(ledger, now, o.sooner === true);
  });
  printLedger(context, after);
  return EXIT.done;
}

async function show(context: Context, path: string): Promise<ExitCode> {
  const { people, tenant } = await context.config();
  const text = await readOrderText(path, LARGEST_ARMOURED);
  printTokens(context, tenant, readTokenFile(text, new Keyring(people), tenant));
  return EXIT.done;
}

/** token init, issue, show, ledger, limit, epoch next: what the governor does. */
export function addTokenCommands(program: Command, run: Run): void {
  const token = program
    .command('token')
    .description('the budget of destructive orders: sign tokens, as its governor (--key)');
  token
    .command('init')
    .description('begin the ledger of a governor')
    .option('--limit <limits>', 'tokens in an epoch (default: lock=10,wipe=10)')
    .option('--epoch <n>', 'the epoch to begin with (default: by the date)')
    .action((o: { limit?: string; epoch?: string }) => run((context) => init(context, o)));
  token
    .command('issue')
    .description('sign a token for each host, and write them to a file')
    .argument('<hosts...>', 'hosts, ranges, lists or @groups')
    .addOption(new Option('--for <kind>', 'which budget').choices(DESTRUCTIONS).makeOptionMandatory())
    .requiredOption('-o, --out <file>', 'the file; it must not be there yet')
    .option('--epoch <n>', 'only if the ledger is in this epoch')
    .option('-y, --yes', 'do not ask')
    .action((hosts: string[], o: IssueOptions) => run((context) => issue(context, hosts, o)));
  token
    .command('show')
    .description('say in words what is in a file of tokens, and who signed them')
    .argument('<file>')
    .action((path: string) => run((context) => show(context, path)));
  token
    .command('ledger')
    .description('show the epoch, what is left of it, and which numbers went where')
    .action(() =>
      run(async (context) => {
        printLedger(context, await (await openGovernor(context)).ledger());
        return EXIT.done;
      }),
    );
  token
    .command('limit')
    .description('change the limits of the ledger; the devices have theirs: "nightshift budget"')
    .argument('<limits>', 'such as lock=20')
    .action((text: string) =>
      run(async (context) => {
        const governor = await openGovernor(context);
        printLedger(
          context,
          await governor.change((ledger) => withLimits(ledger, parseLimits(text, ledger.limits))),
        );
        return EXIT.done;
      }),
    );
  token
    .command('epoch')
    .description('epochs of the budget')
    .command('next')
    .description('begin the next epoch, with a budget of its own')
    .option('--sooner', 'less than 24 hours after the last')
    .option('-y, --yes', 'do not ask')
    .action((o: { sooner?: true; yes?: true }) => run((context) => next(context, o)));
}
