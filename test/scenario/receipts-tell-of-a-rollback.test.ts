import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import {
  encodeEvidence,
  Fleet,
  type KeptReceipt,
  Verification,
  type VerificationReport,
} from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { ArgsOf, Receipt, Verb } from '../../src/protocol/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { testKeyring } from '../kit/keys.ts';

const DEVICE = 'host1';
let counter = 1_000_000;

/** An agent beside a cold host, and operators who keep every receipt. */
async function witnessed(t: { teardown: (work: () => unknown) => void }) {
  const host = await ColdHost.start({
    fill: async (tree) => {
      await mkdir(join(tree, 'etc'));
      await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
    },
  });
  t.teardown(() => host.close());
  const kept: KeptReceipt[] = [];
  const receipts: Receipt[] = [];
  let buses = 0;
  const give = async <V extends Verb>(
    verb: V,
    args: ArgsOf<V>,
    key: KeyStore = host.operator,
  ): Promise<void> => {
    buses += 1;
    const fleet = new Fleet({
      bus: host.broker.bus(`keeper-${buses}`),
      tenant: 'acme',
      key,
      cosigners: [host.officer2],
      tokens: (order) => host.governor.tokenFor(order),
      counter: { next: async () => ++counter },
      devices: new Map([[DEVICE, host.device.publicKey]]),
      clock: systemClock,
      entropy: systemEntropy,
      keep: async (one, receipt) => {
        kept.push(one);
        receipts.push(receipt);
      },
    });
    await fleet.connect();
    const order = await fleet.order(DEVICE, verb, args, { signal: new AbortController().signal });
    await order.outcome;
    await fleet.close();
  };
  const people = testKeyring({
    olga: [host.operator, 'operator'],
    sam: [host.officer, 'security'],
    tess: [host.officer2, 'security'],
  });
  const verify = (): { readonly report: VerificationReport; readonly codes: string[] } => {
    const devices = new Map([[DEVICE, [host.device.publicKey]]]);
    const verification = new Verification({ devices, people, tenant: 'acme' });
    const files = kept.map((one, i) => verification.add(`receipt ${i}`, encodeEvidence(one)));
    const report = verification.end();
    const findings = [
      ...files.flatMap((file) =>
        file.is === 'receipt' ? file.checked.findings : file.is === 'bad' ? [file.finding] : [],
      ),
      ...report.devices.flatMap(({ chain, audit }) => [...chain.findings, ...audit.findings]),
    ];
    return { report, codes: findings.map(({ code }) => code) };
  };
  const backup = join(host.dir, 'backup');
  return {
    host,
    give,
    verify,
    receipts,
    save: () => cp(host.state, backup, { recursive: true }),
    putBack: async () => {
      await rm(host.state, { recursive: true });
      await cp(backup, host.state, { recursive: true });
    },
  };
}

await t.test('what a real agent signs holds, before and after a restart', async (t) => {
  const { host, give, verify, receipts } = await witnessed(t);
  await give('io.write', { channel: 'fan1', value: 1000 });
  await give('machine.disable', { reason: 'stolen' }, host.officer);
  await host.restart();
  await give('machine.enable', {}, host.officer);
  await give('audit.read', {}, host.officer);
  const { report, codes } = verify();
  t.same(codes, []);
  t.same(report.counts, { wrong: 0, unchecked: 0, note: 0 });
  t.match(report.devices, [{ chain: { receipts: 4, gaps: [] }, audit: { heads: 4, found: 4 } }]);
  t.same(
    receipts[1]?.askers?.map(({ name }) => name),
    ['sam', 'tess'],
  );
  t.ok((receipts[0]?.clock?.floor ?? 0) > 0, 'the day of the release has surely passed');
  const [presence] = host.said('presence');
  t.ok(presence?.audit !== undefined, 'presence tells the head too');
});

await t.test('a state directory from yesterday is found by the receipts of today', async (t) => {
  const { host, give, verify, save, putBack } = await witnessed(t);
  await give('io.write', { channel: 'fan1', value: 1000 });
  await host.stop();
  await save();
  await host.boot();
  await give('machine.disable', { reason: 'stolen' }, host.officer);
  t.same(verify().codes, []);
  await host.stop();
  await putBack();
  await host.boot();
  // The log is as long again as it was: the disable wrote down its token too.
  for (const value of [2000, 3000]) await give('io.write', { channel: 'fan1', value });
  const { codes } = verify();
  t.ok(codes.includes('FORK'), 'two receipts with one number');
  t.ok(codes.includes('AUDIT_REWRITTEN') || codes.includes('AUDIT_CUT'), `and another log: ${codes.join()}`);
});

await t.test('a log that is made anew beside an untouched journal is found by one receipt', async (t) => {
  const { host, give, verify } = await witnessed(t);
  await give('io.write', { channel: 'fan1', value: 1000 });
  await give('io.write', { channel: 'fan1', value: 2000 });
  await host.stop();
  await rm(join(host.state, 'audit'));
  await host.boot();
  await give('machine.status', {});
  t.ok(verify().codes.includes('AUDIT_CUT'));
});
