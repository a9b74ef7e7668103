import t from 'tap';
import * as v from 'valibot';
import { fromHex, seconds } from '../../../../src/base/index.ts';
import { type ArgsOf, UNITS_A_PAGE, VERBS } from '../../../../src/protocol/index.ts';
import type { ChainControl } from '../../../../src/sata-chain/index.ts';
import { chainStatus } from '../../../../src/tasks/chain/status.ts';
import { chainSync } from '../../../../src/tasks/chain/sync.ts';
import { deskBench } from '../../../kit/desk.ts';
import { FakeChain } from '../../../kit/fake-chain.ts';

/** A desk on a board with these chains. */
async function bench(...chains: readonly ChainControl[]) {
  const desk = await deskBench({ registry: { 'chain.status': chainStatus, 'chain.sync': chainSync } });
  if (chains.length > 0) Object.assign(desk.services, { chains });
  const give = async (verb: 'chain.status' | 'chain.sync', args: ArgsOf<typeof verb> = {}) => {
    await desk.submit(await desk.order({ verb, args }));
    await desk.settle();
    return desk.receipts().at(-1);
  };
  return { ...desk, give };
}

await t.test('a board without chains says so, and so does a disk that is none', async (t) => {
  const none = await bench();
  t.match(await none.give('chain.status'), { outcome: 'refused', refusal: { code: 'NO_CHAIN' } });
  t.match(await none.give('chain.sync'), { outcome: 'refused', refusal: { code: 'NO_CHAIN' } });
  const one = await bench(new FakeChain(2));
  t.match(await one.give('chain.status', { disk: 'disk7' }), {
    outcome: 'refused',
    refusal: { code: 'NO_CHAIN', sentence: /disk7 is no chain; disk0 is one/ },
  });
});

await t.test('status gives every unit in order, as its shape says', async (t) => {
  const { give } = await bench(new FakeChain(3));
  const receipt = await give('chain.status');
  t.equal(receipt?.outcome, 'succeeded');
  const [chain] = v.parse(VERBS['chain.status'].result, receipt?.result).chains;
  t.match(chain, { disk: 'disk0', state: 'T4', stateWords: 'running', presentedSectors: 3003, inStep: true });
  t.same(
    chain?.units.map(({ position, drive, linkUp }) => [position, drive?.serial, linkUp]),
    [
      [0, 'S0', 3],
      [1, 'S1', 3],
      [2, 'S2', 3],
    ],
  );
  t.same(chain?.units[0]?.dsi.flags, [
    'present',
    'phy-ready',
    'signature',
    'identified',
    'speed 3',
    'epoch 1',
  ]);
  t.equal(chain?.units.filter(({ changed }) => changed.latest).length, 1);
});

await t.test('a long chain comes page by page', async (t) => {
  const count = UNITS_A_PAGE + 7;
  const one = new FakeChain(1);
  const unit = one.report().units[0]!;
  const units = Array.from({ length: count }, (_, position) => ({ ...unit, position }));
  one.status = async () => ({ ...one.report(), units });
  const { give } = await bench(one);
  const first = v.parse(VERBS['chain.status'].result, (await give('chain.status'))?.result).chains[0];
  t.match(first, { unitCount: count, next: UNITS_A_PAGE });
  const rest = await give('chain.status', { after: first!.next! });
  const second = v.parse(VERBS['chain.status'].result, rest?.result).chains[0];
  t.equal(second?.next, undefined);
  t.same(
    [...first!.units, ...second!.units].map(({ position }) => position),
    Array.from({ length: count }, (_, at) => at),
  );
});

await t.test('sync brings tables in step and says what was not; a dry run does nothing', async (t) => {
  const chains = [new FakeChain(2), new FakeChain(3, 'disk1')];
  const { give } = await bench(...chains);
  const dry = await give('chain.sync', { dryRun: true });
  t.match(dry, { outcome: 'succeeded', result: { dryRun: true, chains: [] } });
  const receipt = await give('chain.sync');
  const result = v.parse(VERBS['chain.sync'].result, receipt?.result);
  t.match(result.chains, [
    { disk: 'disk0', inStep: true, updated: [{ what: 'drive arrived' }] },
    { disk: 'disk1' },
  ]);
  t.same(
    chains.map(({ actions }) => actions),
    [[undefined], [undefined]],
  );
});

await t.test('what is there is accepted only as it was looked at', async (t) => {
  const chain = new FakeChain(3);
  const { give } = await bench(chain);
  const accept = (id: string) => give('chain.sync', { action: { do: 'accept', question: fromHex(id) } });
  t.match(await accept('0000000000000000'), { outcome: 'refused', refusal: { code: 'CHAIN_WHOLE' } });
  chain.hold();
  const { question, trouble } = chain.report();
  t.match(trouble, [{ code: 'missing-below', sentence: /place 2.*missing/ }]);
  t.match(await accept('0000000000000000'), { outcome: 'refused', refusal: { code: 'CHAIN_DIFFERS' } });
  chain.bench.change(1, { drive: { model: 'SIM', serial: 'OTHER', sectors: 7, sectorSize: 512 } });
  chain.bench.seconds(1);
  t.match(
    await accept(question!.id),
    { outcome: 'refused', refusal: { code: 'CHAIN_DIFFERS' } },
    'another drive makes another question',
  );
  t.same(chain.actions, []);
  const now = chain.report().question!.id;
  t.match(await accept(now), { outcome: 'succeeded', result: { chains: [{ done: 'accept was done' }] } });
  t.same(chain.actions, [{ do: 'accept', question: now }]);
});

await t.test('a running chain is not looked at anew under a host that is awake', async (t) => {
  const chain = new FakeChain(2);
  const { give, host } = await bench(chain);
  host.set('S0', 'test');
  const resync = () => give('chain.sync', { action: { do: 'resync' } });
  t.match(await resync(), { outcome: 'refused', refusal: { code: 'HOST_AWAKE' } });
  host.set('S5', 'test');
  t.match(await resync(), { outcome: 'succeeded' });
  chain.hold();
  host.set('S0', 'test');
  t.match(await resync(), { outcome: 'succeeded' }, 'one that shows nothing may be, whatever the host does');
});

await t.test('on a disabled machine a chain is shown and not changed', async (t) => {
  const chain = new FakeChain(2);
  const { give, lockout, clock } = await bench(chain);
  await clock.settle(lockout.disable({ reason: 'stolen' }), seconds(60));
  t.match(await give('chain.status'), { outcome: 'succeeded' });
  t.match(await give('chain.sync'), { outcome: 'succeeded' });
  t.match(await give('chain.sync', { action: { do: 'resync' } }), {
    outcome: 'refused',
    refusal: { code: 'DISABLED' },
  });
  t.same(chain.actions, [undefined]);
});

await t.test('with several chains an action needs to say which', async (t) => {
  const chains = [new FakeChain(2), new FakeChain(2, 'disk1')];
  const { give } = await bench(...chains);
  t.match(await give('chain.sync', { action: { do: 'resync' } }), {
    outcome: 'refused',
    refusal: { code: 'NO_CHAIN', remedy: /--disk/ },
  });
  t.match(await give('chain.sync', { disk: 'disk1', action: { do: 'resync' } }), { outcome: 'succeeded' });
  t.same(chains[0]!.actions, []);
});
