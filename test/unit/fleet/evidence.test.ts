import t from 'tap';
import { SeededEntropy } from '../../../src/adapters/sim/seeded-entropy.ts';
import { toHex } from '../../../src/base/index.ts';
import { decodeEvidence, encodeEvidence, Fleet, type KeptReceipt } from '../../../src/fleet/index.ts';
import { fleetBench } from '../../kit/fleet-bench.ts';

const signal = new AbortController().signal;

await t.test('a kept receipt is read back as it was, and nothing else is one', async (t) => {
  const kept = { tenant: 'acme', device: 'rack1', order: Uint8Array.of(1, 2), receipt: Uint8Array.of(3) };
  const bytes = encodeEvidence(kept);
  t.match(decodeEvidence(bytes), { ok: true, value: { tenant: 'acme', device: 'rack1' } });
  t.notOk(decodeEvidence(bytes.subarray(0, -1)).ok);
  t.notOk(decodeEvidence(Uint8Array.of(...bytes, 0)).ok);
  t.notOk(decodeEvidence(new Uint8Array()).ok);
  t.match(decodeEvidence(new Uint8Array(1 << 20)), { refusal: { code: 'PACKET_TOO_LARGE' } });
  t.notOk(decodeEvidence(encodeEvidence({ ...kept, device: '../rack1' })).ok, 'a name that is none');
});

await t.test('each receipt is kept, with its order, before its outcome is told', async (t) => {
  const bench = await fleetBench();
  const kept: KeptReceipt[] = [];
  let broken = false;
  let counter = 1000;
  const fleet = new Fleet({
    bus: bench.broker.bus('keeper'),
    tenant: 'test',
    key: bench.operator,
    counter: { next: async () => ++counter },
    devices: new Map([['host1', bench.device.key.publicKey]]),
    clock: bench.clock,
    entropy: new SeededEntropy(7),
    keep: async (receipt) => {
      if (broken) throw new Error('the disk is full');
      kept.push(receipt);
    },
  });
  await fleet.connect();
  const first = await fleet.order('host1', 'machine.status', {}, { signal });
  const outcome = await bench.settle(first.outcome);
  t.equal(outcome.is, 'receipt');
  t.equal(kept.length, 1);
  if (outcome.is === 'receipt') {
    t.equal(outcome.unkept, undefined);
    t.equal(toHex(kept[0]!.receipt), toHex(outcome.packet));
    t.match(kept[0], { tenant: 'test', device: 'host1' });
  }
  broken = true;
  const second = await fleet.order('host1', 'machine.status', {}, { signal });
  t.match(await bench.settle(second.outcome), {
    is: 'receipt',
    receipt: { outcome: 'succeeded' },
    unkept: { message: /the disk is full/ },
  });
});
