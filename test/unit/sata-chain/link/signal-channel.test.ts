import fc from 'fast-check';
import t from 'tap';
import { FaultyLink } from '../../../../src/adapters/chain-link/faulty-link.ts';
import { inProcessPair } from '../../../../src/adapters/chain-link/in-process.ts';
import { SeededEntropy } from '../../../../src/adapters/sim/seeded-entropy.ts';
import { milliseconds } from '../../../../src/base/index.ts';
import { type Level, millis, SignalChannel } from '../../../../src/sata-chain/index.ts';
import { HandScheduler } from '../../../kit/chain-state.ts';

function bench(loss = 0, seed = 1) {
  const scheduler = new HandScheduler();
  const pair = inProcessPair(scheduler, { delay: milliseconds(1) });
  const entropy = new SeededEntropy(seed);
  const [left, right] = pair.ends.map((end) => new FaultyLink(end, scheduler, entropy, { loss }));
  const [a, b] = [new SignalChannel(left!, scheduler), new SignalChannel(right!, scheduler)];
  const heard: Level[] = [];
  b.onLevel((level) => void heard.push(level));
  const pass = (ms: number) => scheduler.run(millis(ms));
  return { scheduler, pair, left: left!, right: right!, a, b, heard, pass };
}

await t.test('every change is heard, in order, bursts of no length too', async (t) => {
  const { a, heard, pass } = bench();
  pass(5);
  for (const level of ['COMINIT', 'idle', 'COMWAKE', 'idle', 'D10.2', 'ALIGN3', 'SYNC3'] as const) {
    a.transmit(level);
    a.transmit(level);
  }
  pass(2);
  t.same(heard, ['COMINIT', 'idle', 'COMWAKE', 'idle', 'D10.2', 'ALIGN3', 'SYNC3']);
});

await t.test('a burst whose frame was lost is heard from a later frame', async (t) => {
  const { a, heard, pass, left } = bench();
  pass(5);
  const send = left.send.bind(left);
  left.send = () => true;
  a.transmit('COMINIT');
  a.transmit('idle');
  left.send = send;
  pass(30);
  t.same(heard, ['COMINIT', 'idle']);
});

await t.test('a link that is cut, or says nothing, is a line without signal', async (t) => {
  const { a, heard, pass, pair, left } = bench();
  a.transmit('SYNC2');
  pass(1000);
  t.same(heard, ['SYNC2']);
  pair.cut();
  t.same(heard, ['SYNC2', 'idle'], 'at once');
  pass(10);
  pair.restore();
  pass(5);
  t.same(heard, ['SYNC2', 'idle', 'SYNC2']);
  left.send = () => true;
  pass(500);
  t.same(heard.slice(3), ['idle'], 'silence');
});

await t.test('bursts from before a cut are not heard after it', async (t) => {
  const { a, heard, pass, pair } = bench();
  pass(5);
  pair.cut();
  a.transmit('COMINIT');
  a.transmit('idle');
  a.transmit('D10.2');
  pair.restore();
  pass(5);
  t.same(heard, ['D10.2']);
});

await t.test('other frames on the link are a sign of life, junk on this channel is not heard', async (t) => {
  const { a, heard, pass, left } = bench();
  a.transmit('SYNC1');
  pass(5);
  const send = left.send.bind(left);
  const raw = (channel: 'fis' | 'signal', bytes: Uint8Array) => send({ channel, bytes });
  left.send = () => true;
  for (let i = 0; i < 40; i += 1) {
    raw('fis', new Uint8Array(3));
    pass(20);
  }
  for (const junk of [[], [0, 0, 0, 9], [0, 0, 0, 9, 77], [0, 0, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1]]) {
    raw('signal', Uint8Array.from(junk));
  }
  pass(5);
  t.same(heard, ['SYNC1']);
});

const level = fc.constantFrom<Level>('idle', 'COMINIT', 'COMWAKE', 'D10.2', 'ALIGN1', 'SYNC1', 'PMREQ_P');

await t.test('however many frames are lost, what is heard comes to what is sent', async (t) => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.tuple(level, fc.nat(30)), { maxLength: 40, size: 'max' }),
      (seed, changes) => {
        const { a, b, heard, pass } = bench(0.5, seed);
        for (const [next, wait] of changes) {
          a.transmit(next);
          pass(wait);
        }
        pass(2000);
        // At this loss a line can seem silent for a moment; it comes back by itself.
        for (let i = 0; i < 40 && b.heard !== (changes.at(-1)?.[0] ?? 'idle'); i += 1) pass(20);
        if (b.heard !== (changes.at(-1)?.[0] ?? 'idle')) throw new Error('other levels at the two ends');
        if (heard.some((each, i) => each === heard[i - 1])) throw new Error('the same level twice');
      },
    ),
    { numRuns: 200 },
  );
  t.pass('shown by the property');
});
