import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { readOrderText } from '../../adapters/order-file.ts';
import { stagedOrderPath } from '../../adapters/receipt-folder.ts';
import { NsError, toHex } from '../../base/index.ts';
import { decodeStagedOrder, LARGEST_STAGED_ORDER, type OrderOutcome, parseBytes } from '../../fleet/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { answerOf, followOrder, type HostWork, runOnHosts } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';

const ID_BYTES = 16;
/** As many as any device keeps, and more. */
const MAX_PAGES = 64;

/** Fetches all pages; what is shown is the sum, with the last receipt. */
function listing(context: Context): HostWork {
  return async (fleet, host, watch) => {
    const orders: ResultOf<'staged.list'>['orders'] = [];
    const json: string[] = [];
    let after: Uint8Array | undefined;
    for (let page = 1; ; page += 1) {
      const { signal, timing } = context;
      const args = after === undefined ? {} : { after };
      const run = await fleet.order(host, 'staged.list', args, { signal, timing });
      for await (const event of run.events()) watch.onEvent(event);
      const outcome: OrderOutcome<'staged.list'> = await run.outcome;
      const answer = answerOf(host, 'staged.list', outcome);
      json.push(...answer.json);
      const result = outcome.is === 'receipt' ? outcome.result : undefined;
      if (outcome.is !== 'receipt' || result === undefined) return { ...answer, json };
      orders.push(...result.orders);
      if (result.next === undefined || page >= MAX_PAGES) {
        return { ...answerOf(host, 'staged.list', { ...outcome, result: { ...result, orders } }), json };
      }
      after = result.next;
    }
  };
}

/** The packet of an order that was staged from here, sent once more: the device answers with what it has said already. */
async function receipt(context: Context, host: string, id: Uint8Array, wait: boolean): Promise<HostWork> {
  const { tenant } = await context.config();
  const path = stagedOrderPath(await context.receipts(), { tenant, device: host, id: toHex(id) });
  const text = await readOrderText(path, LARGEST_STAGED_ORDER).catch(() => {
    throw new NsError(
      'NS_USAGE',
      `no order ${toHex(id)} was staged on ${host} from here: there is no ${path}`,
      {
        family: 'caller',
      },
    );
  });
  const order = decodeStagedOrder(text);
  return async (fleet, _host, watch) => {
    const { signal, timing } = context;
    const run = await fleet.again(order, { signal, timing, untilEnded: wait });
    const answer = await followOrder(host, order.verb, run, watch);
    // The receipt is in the folder, with the order in it.
    const outcome = await run.outcome;
    if (outcome.is === 'receipt' && outcome.unkept === undefined) await rm(path, { force: true });
    return answer;
  };
}

/** staged, receipt. */
export function addStagedCommands(program: Command, run: Run): void {
  withWatch(
    program
      .command('staged')
      .description('show the orders that wait on devices for their hosts, and the latest that have ended')
      .argument('<hosts>', 'host, range, list or @group'),
  ).action((hosts: string, o: WatchOptions) =>
    run((context) => runWatched(context, hosts, listing(context), o)),
  );
  program
    .command('receipt')
    .description('fetch the receipt of an order that was staged from this computer, or what it waits for')
    .argument('<host>', 'one host')
    .argument('<order>', 'the id that "put --stage" and "nightshift staged" show')
    .option('--wait', 'stay until it has ended')
    .action((range: string, id: string, o: { wait?: true }) =>
      run(async (context) => {
        const [host, other] = await context.hosts(range);
        if (host === undefined || other !== undefined)
          throw new NsError('NS_USAGE', 'name one host', { family: 'caller' });
        const work = await receipt(context, host, parseBytes(id, 'order id', ID_BYTES), o.wait === true);
        return runOnHosts(context, [host], work, { signed: true });
      }),
    );
}
