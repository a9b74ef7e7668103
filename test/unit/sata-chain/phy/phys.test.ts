import fc from 'fast-check';
import t from 'tap';
import {
  DEVICE_PHY,
  type Generation,
  HOST_PHY,
  type Level,
  microseconds,
  millis,
  newPhy,
  type PhyLine,
  type PhyTable,
  SATA_TIMINGS,
  SERROR,
  SSTATUS,
  scaleTimings,
  stepDevicePhy,
  stepHostPhy,
} from '../../../../src/sata-chain/index.ts';
import { type PhyPair, phyPair } from '../../../kit/phy-pair.ts';

function up(pair: PhyPair): PhyPair {
  pair.device.line('RUN');
  pair.host.line('RUN');
  pair.wheel.run(millis(1));
  return pair;
}

await t.test('host and device meet at the fastest rate that both have', async (t) => {
  for (const host of [1, 2, 3] as Generation[]) {
    for (const device of [1, 2, 3] as Generation[]) {
      const pair = up(phyPair({ host, device }));
      const rate = Math.min(host, device);
      t.same(
        [pair.host.phy.state, pair.host.phy.rate, pair.device.phy.state, pair.device.phy.rate],
        ['HP8', rate, 'DP7', rate],
      );
      t.equal(pair.host.sstatus, SSTATUS.encode({ det: 3, spd: rate, ipm: 1 }));
    }
  }
});

await t.test('the signals go in the order and for the times of the specification', async (t) => {
  const pair = up(phyPair());
  t.same(
    pair.host.sent.map(({ level }) => level),
    ['COMINIT', 'idle', 'COMWAKE', 'idle', 'ALIGN3', 'SYNC3'],
    'COMRESET, quiet, COMWAKE, quiet, ALIGN at once as the device sends it already, SYNC',
  );
  t.equal(pair.host.sent[1]!.at, 2560, 'six COMRESET bursts');
  t.same(pair.device.sent.map(({ level }) => level).slice(-5), [
    'COMINIT',
    'idle',
    'COMWAKE',
    'ALIGN3',
    'SYNC3',
  ]);
});

await t.test(
  'whoever begins first, and however the two COMINITs meet, the link comes up and nobody is exchanged',
  async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 30_000 }),
        fc.boolean(),
        fc.nat(2000),
        (gap, hostFirst, delay) => {
          const pair = phyPair({ delay: microseconds(delay / 1000) });
          const [first, second] = hostFirst ? [pair.host, pair.device] : [pair.device, pair.host];
          first.line('RUN');
          pair.wheel.run(microseconds(gap));
          second.line('RUN');
          pair.wheel.run(millis(600));
          const { host, device } = pair;
          return (
            host.phy.state === 'HP8' && device.phy.state === 'DP7' && !host.notices.includes('exchanged')
          );
        },
      ),
      { seed: 36, numRuns: 300 },
    );
  },
);

await t.test('only a COMINIT on a link that was ready says that the device is another one', async (t) => {
  const pair = up(phyPair());
  t.same(pair.host.notices, ['seen', 'up']);
  pair.device.line('FORCE_COMINIT');
  pair.wheel.run(millis(1));
  t.same(pair.host.notices, ['seen', 'up', 'exchanged', 'up']);
  const { X, N } = SERROR.decode(pair.host.phy.shadow.serror);
  t.ok(X && N);
});

await t.test('a device answers COMRESET within 10 ms, whatever it is at', async () => {
  fc.assert(
    fc.property(fc.nat(2_000_000), (moment) => {
      const pair = phyPair();
      pair.device.line('RUN');
      pair.host.line('RUN');
      pair.wheel.run(microseconds(moment / 1000));
      pair.host.line('FORCE_RESET');
      const over = pair.wheel.now() + 2560;
      pair.wheel.run(millis(11));
      const answer = pair.device.sent.find(({ at, level }) => level === 'COMINIT' && at >= over);
      return answer !== undefined && answer.at - over <= 10_000_000;
    }),
    { seed: 10, numRuns: 200 },
  );
});

await t.test('a COMINIT of its own comes 10 ms after the last one at the soonest', async (t) => {
  const { wheel, device } = phyPair();
  device.deaf = true;
  device.line('RUN');
  wheel.run(millis(2000));
  const times = device.sent.filter(({ level }) => level === 'COMINIT').map(({ at }) => at);
  t.ok(times.length > 5);
  t.ok(times.every((at, i) => i === 0 || at - times[i - 1]! >= 10_000_000));
});

await t.test('a port that hears nothing parks: a few tries, then four a second', async (t) => {
  const { wheel, host } = phyPair();
  host.line('RUN');
  wheel.run(millis(1000));
  const before = host.sent.length;
  wheel.run(millis(10_000));
  const tries = (host.sent.length - before) / 2;
  t.ok(tries > 30 && tries <= 42, `${tries} tries in ten seconds`);
  t.equal(host.sstatus, 0);
});

await t.test('two ports that parked apart find each other once the cable is in', async (t) => {
  const pair = phyPair();
  pair.host.deaf = true;
  pair.device.deaf = true;
  pair.host.line('RUN');
  pair.device.line('RUN');
  pair.wheel.run(millis(3000));
  pair.host.deaf = false;
  pair.device.deaf = false;
  pair.wheel.run(millis(600));
  t.equal(pair.host.phy.state, 'HP8');
  t.equal(pair.device.phy.state, 'DP7');
});

for (const depth of ['partial', 'slumber'] as const) {
  const ipm = depth === 'partial' ? 2 : 6;
  await t.test(
    `either side may send the link into ${depth} and wake it, and no link is lost by it`,
    async (t) => {
      for (const asks of ['host', 'device'] as const) {
        for (const wakes of ['host', 'device'] as const) {
          const pair = up(phyPair({ device: 2 }));
          pair[asks].line(depth);
          pair.wheel.run(millis(1));
          t.equal(pair.host.sstatus, SSTATUS.encode({ det: 3, spd: 2, ipm }), `${asks} asks`);
          t.equal(pair.device.phy.asleep, depth);
          t.equal(pair.host.phy.sent, 'idle');
          pair[wakes].line('wake');
          pair.wheel.run(millis(1));
          t.equal(pair.host.sstatus, SSTATUS.encode({ det: 3, spd: 2, ipm: 1 }), `${wakes} wakes`);
          t.same(pair.host.notices, ['seen', 'up']);
          t.ok(pair.device.notices.every((notice) => notice !== 'lost'));
        }
      }
    },
  );

  await t.test(`a side that denies ${depth} keeps the link awake`, async (t) => {
    const pair = up(phyPair());
    pair.device.phy = { ...pair.device.phy, denies: depth === 'partial' ? 1 : 2 };
    pair.host.line(depth);
    pair.wheel.run(millis(1));
    t.same([pair.host.phy.state, pair.device.phy.state], ['HP8', 'DP7']);
    t.ok(pair.device.sent.some(({ level }) => level === 'PMNAK'));
  });
}

await t.test('where both ask at once the device gives way', async (t) => {
  const pair = up(phyPair());
  pair.host.line('slumber');
  pair.device.line('partial');
  pair.wheel.run(millis(1));
  t.same([pair.host.phy.asleep, pair.device.phy.asleep], ['slumber', 'slumber']);
});

await t.test('whoever wakes a link and finds nobody has lost it', async (t) => {
  const pair = up(phyPair());
  pair.host.line('partial');
  pair.wheel.run(millis(1));
  pair.device.line('OFF');
  pair.wheel.run(millis(1));
  t.notOk(pair.host.notices.includes('lost'), 'nobody hears a sleeper go');
  pair.host.line('wake');
  pair.wheel.run(millis(20));
  t.ok(pair.host.notices.includes('lost'));
});

await t.test('silence on a ready link is a loss, and is recovered from', async (t) => {
  const pair = up(phyPair());
  pair.device.line('OFF');
  pair.wheel.run(millis(5));
  t.same(pair.host.notices.slice(2), ['lost']);
  pair.device.line('RUN');
  pair.wheel.run(millis(300));
  t.same(pair.host.notices.slice(3), ['seen', 'up']);
});

await t.test('an offline port says nothing, hears nothing and shows DET 4', async (t) => {
  const pair = up(phyPair());
  pair.device.line('OFFLINE');
  const said = pair.device.sent.length;
  for (let i = 0; i < 5; i += 1) {
    pair.host.line('FORCE_RESET');
    pair.wheel.run(millis(400));
  }
  t.equal(pair.device.sent.length, said);
  t.equal(pair.device.sstatus, SSTATUS.encode({ det: 4 }));
  t.equal(pair.host.sstatus, 0, 'and the host sees nothing there');
});

await t.test('a held reset lasts until it is released', async (t) => {
  const pair = up(phyPair());
  pair.host.line('HOLD_RESET');
  pair.wheel.run(millis(50));
  t.equal(pair.host.phy.sent, 'COMINIT');
  t.equal(pair.device.phy.state, 'DP1');
  pair.host.line('RELEASE');
  pair.wheel.run(millis(1));
  t.equal(pair.host.phy.state, 'HP8');
});

await t.test('on a slow link the same machines meet with longer waits', async (t) => {
  for (const delay of [microseconds(100), millis(1), millis(30)]) {
    const timings = scaleTimings(SATA_TIMINGS, millis((2 * delay) / 1e6));
    const pair = phyPair({ timings, delay, host: 1 });
    pair.device.line('RUN');
    pair.host.line('RUN');
    pair.wheel.run(millis(3000));
    t.same([pair.host.phy.state, pair.host.phy.rate], ['HP8', 1]);
  }
  t.same(scaleTimings(SATA_TIMINGS, microseconds(1)), SATA_TIMINGS, 'a cable needs none');
});

const LEVELS: Level[] = [
  'idle',
  'COMINIT',
  'COMWAKE',
  'D10.2',
  'ALIGN1',
  'ALIGN2',
  'ALIGN3',
  'SYNC1',
  'SYNC2',
  'SYNC3',
  'PMREQ_P',
  'PMREQ_S',
  'PMACK',
  'PMNAK',
];
const LINES: PhyLine[] = [
  'RUN',
  'OFF',
  'OFFLINE',
  'FORCE_RESET',
  'HOLD_RESET',
  'RELEASE',
  'FORCE_COMINIT',
  'partial',
  'slumber',
  'wake',
];

await t.test('no sequence of signals, however wrong, leaves a phy where it can only stay', async () => {
  const event = fc.oneof(
    fc.constantFrom(...LEVELS).map((level) => ({ is: 'level', level }) as const),
    fc.constant({ is: 'timer' } as const),
    fc.constantFrom(...LINES).map((line) => ({ is: 'line', line }) as const),
  );
  const waits = new Set(['HP1', 'HP8', 'HP9', 'HP10', 'DP1', 'DP7', 'DP8', 'DP9']);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let host = newPhy<'HP1'>('HP1', 3) as Parameters<typeof stepHostPhy>[0];
      let device = newPhy<'DP1'>('DP1', 3) as Parameters<typeof stepDevicePhy>[0];
      for (const each of events) {
        host = stepHostPhy(host, each, SATA_TIMINGS).phy;
        device = stepDevicePhy(device, each, SATA_TIMINGS).phy;
      }
      return [host, device].every((phy) => phy.line !== 'run' || phy.timer !== null || waits.has(phy.state));
    }),
    { seed: 13, numRuns: 2000 },
  );
});

await t.test('each table leads into each of its states, and numbers them all differently', async (t) => {
  const check = <S extends string>(table: PhyTable<S>) => {
    const states = Object.keys(table.entry) as S[];
    const reached = new Set<string>([table.initial, ...table.rows.map(({ to }) => to)]);
    t.same(
      states.filter((state) => !reached.has(state)),
      [],
    );
    const codes = states.map((state) => table.code[state]);
    t.equal(new Set(codes).size, states.length);
    t.ok(codes.every((code) => code >= 0 && code <= 15));
  };
  check(HOST_PHY);
  check(DEVICE_PHY);
});
