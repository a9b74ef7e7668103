import t from 'tap';
import { showResult } from '../../../src/show/index.ts';
import { chainNote, syncNote } from '../../../src/tasks/chain/notes.ts';
import { FakeChain } from '../../kit/fake-chain.ts';

const shown = (chain: FakeChain, from = 0, most = 128): string[] =>
  showResult('chain.status', { chains: [chainNote(chain.report(), from, most)] });

await t.test('a chain is drawn from the host downwards, in plain characters and 80 columns', async (t) => {
  const lines = shown(new FakeChain(2));
  t.same(lines, [
    'disk0: T4 running, 2 units',
    'chain c0ffee0000000001, tables in step',
    'all drives: 2001 sectors of 512 B, 1000.5 KiB',
    'shown to the host now: 2001 sectors of 512 B, 1000.5 KiB',
    'host',
    ' |   6 Gb/s',
    '[0] 0000000000100000, T4 running',
    ' |   drive SIM DISK S/N S0, 1000 sectors of 512 B, 500.0 KiB, link 6 Gb/s',
    ' |   DSI   0x0100003f present, phy-ready, signature, identified, speed 3,',
    ' |         epoch 1',
    ' |   CSI   0x01230007 up-phy, down-present, down-phy, speed-up 3,',
    ' |         speed-down 2, epoch 1',
    ' |   last  unit below arrived, 1 ms after power-on',
    ' |   6 Gb/s',
    '[1] 0000000000100001, T4 running',
    '     drive SIM DISK S/N S1, 1001 sectors of 512 B, 500.5 KiB, link 6 Gb/s',
    '     DSI   0x0100003f present, phy-ready, signature, identified, speed 3,',
    '           epoch 1',
    '     CSI   0x01230007 up-phy, down-present, down-phy, speed-up 3,',
    '           speed-down 2, epoch 1',
    '     last  link speed, 1 ms after power-on (the latest of all)',
  ]);
  t.ok(lines.every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line)));
});

await t.test('trouble, the question and how to answer it are said first', async (t) => {
  const chain = new FakeChain(2);
  chain.hold();
  const text = shown(chain).join('\n');
  t.match(text, /^disk0: T4 running, 2 units, HELD\n/);
  t.match(text, /shown to the host now: nothing/);
  t.match(text, /trouble: Unit 0000000000100001 at place 1: .*missing/);
  t.match(text, /question: Are these 2 drives[\s\S]*--accept [0-9a-f]{16}\n/);
  t.ok(text.split('\n').every((line) => line.length <= 78));
});

await t.test('units that are not heard, and links that are down, are marked', async (t) => {
  const chain = new FakeChain(3);
  chain.bench.cables[1]!.cut();
  chain.bench.change(2, { csi: 0 });
  chain.bench.change(1, { csi: 0x30001 });
  chain.bench.seconds(8);
  const text = shown(chain).join('\n');
  t.match(text, /\[2\] 0000000000100002, T4 running, NOT HEARD/);
  t.match(text, /unit below gone/);
});

await t.test('a page begins and ends with what is left out', async (t) => {
  const chain = new FakeChain(5);
  t.match(shown(chain, 0, 2).join('\n'), /host[\s\S]*\(more: --after 2\)$/);
  t.match(shown(chain, 2, 2).join('\n'), /nearer to the host are not in this answer/);
});

await t.test('what sync found out of step is listed', async (t) => {
  const chain = new FakeChain(2);
  const report = await chain.sync({ do: 'resync' });
  if (!report.ok) throw new Error('refused');
  const lines = showResult('chain.sync', { dryRun: false, chains: [syncNote(report.value)] });
  t.same(lines, [
    'disk0: in step, 1 record brought up to date',
    'done: resync was done',
    '[0] 0000000000100000: drive arrived',
  ]);
});
