import t from 'tap';
import { SimChain, type SimChainOptions } from '../../src/adapters/sim/chain/index.ts';
import { CSI, DSI, millis, readRegisters } from '../../src/sata-chain/index.ts';

function started(options: SimChainOptions): SimChain {
  const chain = new SimChain(options);
  chain.start(millis(3000));
  return chain;
}

const disks = (chain: SimChain) => chain.host.disks.map((disk) => disk?.sectors);
const states = (chain: SimChain) => chain.units.map(({ state }) => state.t.state);
const faults = (chain: SimChain) => chain.units.map(({ state }) => state.t.fault);
const driveCominits = (chain: SimChain) => chain.driveCables.reduce((sum, { cominits }) => sum + cominits, 0);
const whole = (units: number) => (1000 * units * (units + 1)) / 2;

/** Everything off, then on again after the change. */
function afterPowerCycle(chain: SimChain, change: () => void): void {
  for (let i = 0; i < chain.units.length; i += 1) chain.power(i, false);
  change();
  chain.wheel.run(millis(100));
  for (let i = 0; i < chain.units.length; i += 1) chain.power(i, true);
  chain.wheel.run(millis(40_000));
}

await t.test('drives that spin up for seconds are waited for, and shown once', async (t) => {
  const chain = new SimChain({
    units: 4,
    drive: (i) => ({ serial: `HDD${i}`, sectors: 1000 * (i + 1), spinUp: millis(5000 + 1000 * i) }),
  });
  for (let i = 0; i < 4; i += 1) chain.power(i, true);
  chain.host.power(true);
  chain.wheel.run(millis(1));
  t.equal(chain.host.port.phy.state, 'HP8', 'the link is up at once; only the signature waits');
  chain.wheel.run(millis(7990));
  t.same(disks(chain), []);
  chain.wheel.run(millis(100));
  t.same(disks(chain), [10_000]);
});

await t.test('members that come late are never left out of a chain that knows them', async (t) => {
  for (const late of [400, 5000, 50_000]) {
    const chain = started({ units: 8 });
    for (let i = 0; i < 8; i += 1) chain.power(i, false);
    chain.host.power(false);
    chain.wheel.run(millis(1000));
    for (const i of [0, 1, 2, 3]) chain.power(i, true);
    chain.host.power(true);
    chain.wheel.run(millis(late));
    for (const i of [4, 5, 6, 7]) chain.power(i, true);
    chain.wheel.run(millis(5000));
    t.same(disks(chain), [36_000, undefined, 36_000], `${late} ms late`);
  }
});

await t.test('one COMRESET ends at the first unit; the members go on', async (t) => {
  const chain = started({ units: 5 });
  const before = chain.cominits;
  const drives = driveCominits(chain);
  chain.host.reset();
  chain.wheel.run(millis(150));
  t.same(disks(chain), [15_000, undefined, 15_000]);
  t.equal(chain.cominits - before, 1);
  t.equal(driveCominits(chain), drives);
});

await t.test('a second COMRESET within 10 s goes down once to everyone, a later one does not', async (t) => {
  const chain = started({ units: 5 });
  const before = chain.cominits;
  const drives = driveCominits(chain);
  chain.host.reset();
  chain.wheel.run(millis(1000));
  chain.host.reset();
  chain.wheel.run(millis(1000));
  t.equal(
    driveCominits(chain) - drives,
    1,
    'the head resets its own drive; units below end the reset that reaches them',
  );
  t.equal(chain.cominits - before, 3);
  t.same(states(chain), new Array(5).fill('T4'));
  chain.wheel.run(millis(20_000));
  const later = driveCominits(chain);
  chain.host.reset();
  chain.wheel.run(millis(1000));
  t.equal(driveCominits(chain), later);
});

await t.test('a host that resets every 10 ms breaks nothing and tires no drive', async (t) => {
  const chain = started({ units: 4 });
  const drives = driveCominits(chain);
  const epochs = chain.units.map(({ saved }) => saved.epoch);
  for (let i = 0; i < 1000; i += 1) {
    chain.host.reset();
    chain.wheel.run(millis(10));
  }
  t.ok(
    driveCominits(chain) - drives <= 8,
    `${driveCominits(chain) - drives} resets of drives in ten seconds`,
  );
  chain.wheel.run(millis(2000));
  t.equal(chain.host.disk?.sectors, 10_000);
  t.same(states(chain), new Array(4).fill('T4'));
  t.same(
    chain.units.map(({ saved }) => saved.epoch),
    epochs,
    'nothing was thought to have changed',
  );
});

await t.test(
  'a blank unit plugged in at the tail makes the disk grow, with one COMINIT a level',
  async (t) => {
    for (const units of [2, 5, 9]) {
      const chain = new SimChain({ units });
      for (let i = 0; i < units - 1; i += 1) chain.power(i, true);
      chain.host.power(true);
      chain.wheel.run(millis(3000));
      t.same(disks(chain), [whole(units - 1)]);
      const before = chain.cominits - chain.above[units - 1]!.cominits;
      chain.power(units - 1, true);
      chain.wheel.run(millis(3000));
      t.same(disks(chain), [whole(units - 1), undefined, whole(units)]);
      const cominits = chain.cominits - chain.above[units - 1]!.cominits - before;
      t.ok(cominits <= 2 * (units - 1), `${cominits} COMINITs on ${units - 1} cables`);
    }
  },
);

await t.test(
  'a drive pulled from the middle takes the disk away; the host never has a part of it',
  async (t) => {
    const chain = started({ units: 5 });
    chain.driveCables[2]!.pull();
    chain.wheel.run(millis(2000));
    t.same(disks(chain), [15_000, undefined]);
    t.same(states(chain).slice(2), ['T2H', 'T4', 'T4']);
    const held = CSI.decode(readRegisters(chain.units[2]!.state).csi);
    t.ok(held.held && held.degraded);
    chain.driveCables[2]!.plug();
    chain.wheel.run(millis(2000));
    t.same(disks(chain), [15_000, undefined, 15_000]);
  },
);

await t.test('a drive whose link blinks is back before anybody above is told', async (t) => {
  const chain = started({ units: 3 });
  const before = chain.cominits;
  chain.driveCables[1]!.pull();
  chain.wheel.run(millis(50));
  chain.driveCables[1]!.plug();
  chain.wheel.run(millis(3000));
  t.same(disks(chain), [6000]);
  t.equal(chain.cominits, before);
  t.same(states(chain), ['T4', 'T4', 'T4']);
});

await t.test('a drive that flaps makes COMINITs of a bounded number', async (t) => {
  const chain = started({ units: 3 });
  const before = chain.cominits;
  for (let i = 0; i < 60; i += 1) {
    chain.driveCables[2]!.pull();
    chain.wheel.run(millis(600));
    chain.driveCables[2]!.plug();
    chain.wheel.run(millis(400));
  }
  const cominits = chain.cominits - before;
  t.comment(`figure: ${cominits} COMINITs on 3 cables in 60 s of a drive that flaps once a second`);
  t.ok(cominits < 60 * 3);
  chain.wheel.run(millis(60_000));
  t.equal(chain.host.disk?.sectors, 6000);
});

await t.test('a slow unit caps its own links and no others', async (t) => {
  const chain = started({ units: 3, fastest: (i) => (i === 1 ? { pti: 1, pto: 1, ddi: 1 } : {}) });
  const speeds = chain.units.map(({ state }) => {
    const { csi, dsi } = readRegisters(state);
    const { speedUp, speedDown } = CSI.decode(csi);
    return [speedUp, DSI.decode(dsi).speed, speedDown];
  });
  t.same(speeds, [
    [3, 3, 1],
    [1, 1, 1],
    [1, 3, 0],
  ]);
  t.equal(chain.host.disk?.sectors, 6000);
});

await t.test('a chain with empty places is the sum of its drives', async (t) => {
  const chain = started({ units: 4, drive: (i) => (i % 2 ? { serial: `D${i}`, sectors: 500 } : undefined) });
  t.same(disks(chain), [1000]);
});

const swaps: readonly [string, string, (chain: SimChain) => void][] = [
  ['another drive', 'other-drive', ({ drives }) => drives[1]!.become({ serial: 'NEW', sectors: 2000 })],
  [
    'a drive that says another size',
    'drive-size',
    ({ drives }) => drives[1]!.become({ serial: 'SIM1', sectors: 2001 }),
  ],
  [
    'sectors of another size',
    'sector-size',
    ({ drives }) => drives[1]!.become({ serial: 'SIM1', sectors: 2000, sectorSize: 4096 }),
  ],
  [
    'two drives that changed places',
    'other-drive',
    ({ drives }) => {
      drives[1]!.become({ serial: 'SIM2', sectors: 3000 });
      drives[2]!.become({ serial: 'SIM1', sectors: 2000 });
    },
  ],
];
for (const [what, fault, change] of swaps) {
  await t.test(`${what}: nothing is shown, and the unit says why`, async (t) => {
    const chain = started({ units: 3 });
    chain.host.power(false);
    afterPowerCycle(chain, () => change(chain));
    chain.host.power(true);
    chain.wheel.run(millis(5000));
    t.same(disks(chain), [6000, undefined]);
    t.equal(faults(chain)[1], fault);
    t.equal(states(chain)[1], 'T6');
  });
}

await t.test('what is wrong may be put right without any order', async (t) => {
  const chain = started({ units: 3 });
  afterPowerCycle(chain, () => chain.drives[1]!.become({ serial: 'NEW', sectors: 2000 }));
  t.equal(states(chain)[1], 'T6');
  chain.driveCables[1]!.pull();
  chain.drives[1]!.become({ serial: 'SIM1', sectors: 2000 });
  chain.wheel.run(millis(1000));
  t.equal(states(chain)[1], 'T2H');
  chain.driveCables[1]!.plug();
  chain.wheel.run(millis(70_000));
  t.equal(chain.host.disk?.sectors, 6000);
});

await t.test('a drive put into an empty place in front of others would move their blocks', async (t) => {
  const chain = started({ units: 2, drive: (i) => (i === 0 ? undefined : { serial: 'D1', sectors: 500 }) });
  chain.drives[0]!.become({ serial: 'D0', sectors: 100 });
  chain.driveCables[0]!.plug();
  chain.wheel.run(millis(3000));
  t.same(disks(chain), [500], 'a chain that runs goes on without it');
  t.equal(chain.units[0]!.state.t.local.is, 'refused');
  afterPowerCycle(chain, () => {});
  t.equal(faults(chain)[0], 'drive-inserted');
  chain.units[0]!.order('go-degraded');
  chain.wheel.run(millis(3000));
  t.equal(chain.host.disk?.sectors, 600, 'an operator may want just that');
});

await t.test(
  'a unit of another chain is not let into one that runs, and stops one that starts',
  async (t) => {
    const chain = new SimChain({
      units: 3,
      chain: (i) => (i === 2 ? '00000000000000bb' : '00000000000000aa'),
    });
    for (const i of [0, 1]) chain.power(i, true);
    chain.host.power(true);
    chain.wheel.run(millis(3000));
    chain.power(2, true);
    chain.wheel.run(millis(3000));
    t.same(disks(chain), [3000], 'the host notices nothing');
    t.equal(chain.units[1]!.state.t.below.is, 'refused');
    afterPowerCycle(chain, () => {});
    t.equal(faults(chain)[1], 'foreign-chain');
    chain.units[1]!.order('go-degraded');
    t.same(chain.units[1]!.refusals, ['go-degraded'], 'not even an operator may take it in this way');
  },
);

await t.test('a unit put in place of a known one is not taken for growth', async (t) => {
  const own = '00000000000000aa';
  const chain = started({ units: 3, chain: () => own });
  afterPowerCycle(chain, () => {
    const blank = { unit: 'ffffffffffffffff', locked: false, epoch: 0 };
    chain.units[1]!.saved = blank;
    chain.drives[1]!.become({ serial: 'BIGGER', sectors: 9000 });
  });
  t.equal(faults(chain)[0], 'order-changed', 'though it took the name of the chain below it');
  t.same([...new Set(disks(chain))], [6000, undefined]);
});

await t.test('members that do not fit 48-bit addresses are not shown', async (t) => {
  const chain = started({ units: 2, drive: (i) => ({ serial: `D${i}`, sectors: 2 ** 47 }) });
  t.same(disks(chain), []);
  t.equal(faults(chain)[0], 'too-many-sectors');
});

await t.test(
  'an operator may accept less, at the unit that misses its member, and all above follow',
  async (t) => {
    const chain = started({ units: 4 });
    chain.above[3]!.pull();
    chain.wheel.run(millis(40_000));
    chain.units[0]!.order('go-degraded');
    t.same(chain.units[0]!.refusals, ['go-degraded'], 'the gap is further down');
    chain.units[2]!.order('go-degraded');
    chain.wheel.run(millis(5000));
    t.equal(chain.host.disk?.sectors, 6000);
    t.equal(chain.host.disk?.degraded, true);
    afterPowerCycle(chain, () => {});
    t.equal(chain.host.disk?.sectors, 6000, 'also after a power cycle');
  },
);

await t.test('COMINITs grow with the length of the chain, not with its square', async (t) => {
  for (const units of [1, 2, 4, 8, 16, 32, 64]) {
    const chain = started({ units });
    const cold = chain.cominits;
    chain.driveCables[units - 1]!.pull();
    chain.wheel.run(millis(3000));
    const pull = chain.cominits - cold;
    chain.driveCables[units - 1]!.plug();
    chain.wheel.run(millis(3000));
    const plug = chain.cominits - cold - pull;
    t.comment(`figure: ${units} units: ${cold} COMINITs at cold start, ${pull} at a pull, ${plug} at a plug`);
    t.ok(cold <= 2 * units);
    t.ok(pull <= 2 * units + 1);
    t.ok(plug <= 2 * units + 1);
  }
});
