import type { Command } from 'commander';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { readOrderText, writeOrderText } from '../../adapters/order-file.ts';
import { equalBytes, NsError } from '../../base/index.ts';
import {
  checkComplete,
  checkSigners,
  cosignDrafts,
  decodeOrderFile,
  EXIT,
  type ExitCode,
  encodeOrderFile,
  LARGEST_ORDER_FILE,
  readOrderFile,
} from '../../fleet/index.ts';
import { type Draft, Keyring } from '../../security/index.ts';
import type { Context } from './context.ts';
import { displayDrafts } from './drafts.ts';
import type { Run } from './files.ts';
import { confirmed } from './lock.ts';
import { answerOf, followOrder, runOnHosts } from './run.ts';
import { WAIT, waitingFor } from './wipe.ts';

function refuse(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

interface Opened {
  readonly tenant: string;
  readonly drafts: readonly Draft[];
  readonly people: Keyring;
}

async function openOrders(context: Context, path: string): Promise<Opened> {
  const { people: entries, tenant } = await context.config();
  const people = new Keyring(entries);
  const file = decodeOrderFile(await readOrderText(path, LARGEST_ORDER_FILE));
  const drafts = readOrderFile(file, people);
  if (file.tenant !== tenant) {
    throw refuse('NS_ORDER_FILE', `the orders are for the tenant "${file.tenant}", and yours is "${tenant}"`);
  }
  return { tenant, drafts, people };
}

async function show(context: Context, path: string): Promise<ExitCode> {
  await displayDrafts(context, await openOrders(context, path));
  return EXIT.done;
}

async function cosign(context: Context, path: string, o: { out?: string; yes?: true }): Promise<ExitCode> {
  const opened = await openOrders(context, path);
  const { drafts, tenant } = opened;
  await displayDrafts(context, opened);
  checkSigners(drafts);
  const question = `Sign ${drafts.length === 1 ? 'this order' : `these ${drafts.length} orders`}?`;
  await confirmed(context, question, o.yes === true);
  const { key } = await context.signer();
  const packets = await cosignDrafts(drafts, key, opened);
  const out = o.out ?? path;
  await writeOrderText(out, encodeOrderFile({ tenant, packets }), out === path);
  const file = drafts.some(({ order }) => order.verb === 'file.download') ? ' --file FILE' : '';
  context.terminal.warn(`${out} is signed by you too. Next: nightshift send ${out}${file}`);
  return EXIT.done;
}

interface SendOptions {
  readonly yes?: true;
  readonly file?: string;
  readonly wait?: true;
}

async function send(context: Context, path: string, o: SendOptions): Promise<ExitCode> {
  const opened = await openOrders(context, path);
  const { drafts } = opened;
  const byHost = new Map(drafts.map((draft) => [draft.order.aud.name, draft]));
  checkComplete(drafts, (await context.config()).devices);
  if (!context.json) await displayDrafts(context, opened);
  await confirmed(context, `Send ${drafts.length === 1 ? 'it' : `all ${drafts.length}`}?`, o.yes === true);
  const file = await fileOf(context, drafts, o.file);
  const longest = drafts.flatMap(({ order: { args } }) => ('stage' in args ? [args] : []))[0] ?? {};
  const options = { signal: context.signal, ...waitingFor(context, longest, o.wait) };
  try {
    return await runOnHosts(
      context,
      [...byHost.keys()],
      async (fleet, host, watch) => {
        const { order, packet } = byHost.get(host)!;
        if (order.verb === 'file.download' && file !== undefined) {
          const more = { ...options, ...watch };
          const { outcome, fault } = await fleet.sendPut(order, packet, file, more);
          return answerOf(host, order.verb, outcome, {}, fault === undefined ? {} : { fault });
        }
        return followOrder(host, order.verb, await fleet.send(order, packet, options), watch);
      },
      { signed: true },
    );
  } finally {
    await file?.close();
  }
}

/** The file that orders for a put were signed for. NS_USAGE where it is not named, NS_ORDER_INVALID where it is another. */
async function fileOf(context: Context, drafts: readonly Draft[], path: string | undefined) {
  const puts = drafts.flatMap(({ order }) => (order.verb === 'file.download' ? [order.args] : []));
  if (puts.length === 0) return undefined;
  if (path === undefined) throw refuse('NS_USAGE', 'these orders put a file: name it with --file');
  const file = await openLocalFile(path, context.signal);
  if (puts.every(({ size, sha256 }) => size === file.size && equalBytes(sha256, file.sha256))) return file;
  await file.close();
  throw refuse('NS_ORDER_INVALID', `the orders were signed for another file than ${path}; nothing was sent`);
}

/** show, cosign, send: orders that two people give from two places. */
export function addTwoPeopleCommands(program: Command, run: Run): void {
  program
    .command('show')
    .description('say in words what is signed in a file of orders, and by whom')
    .argument('<file>')
    .action((path: string) => run((context) => show(context, path)));
  program
    .command('cosign')
    .description('show a file of orders, ask, and sign it as the second person')
    .argument('<file>')
    .option('-o, --out <file>', 'write it there; the file itself by default')
    .option('-y, --yes', 'do not ask')
    .action((path: string, o: { out?: string; yes?: true }) => run((context) => cosign(context, path, o)));
  program
    .command('send')
    .description('send the orders of a file that two people have signed, and show the receipts')
    .argument('<file>')
    .option('--file <file>', 'the file that orders for a put were signed for')
    .option('--wait', WAIT)
    .option('-y, --yes', 'do not ask')
    .action((path: string, o: SendOptions) => run((context) => send(context, path, o)));
}
