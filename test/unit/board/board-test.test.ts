import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import * as v from 'valibot';
import {
  type BoardDescription,
  boardDescription,
  findingCounts,
  flashLayout,
  judgeFlash,
  judgeLine,
  judgeNumber,
  judgeReserved,
  judgeRestart,
  judgeSignals,
  outcomeOf,
  planBoardTest,
  testedLines,
} from '../../../src/board/index.ts';

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'));
const board = (name: string): BoardDescription =>
  v.parse(boardDescription, read(`boards/${name}/board.json`));
const evb = board('ast2600-evb');

await t.test('every board of ours is planned whole, and nothing of any is driven but a light', async (t) => {
  for (const name of readdirSync(new URL('../../../boards', import.meta.url))) {
    const description = board(name);
    if (description.adapter === 'none') continue;
    const plan = planBoardTest(description, { drive: true });
    const has = (at: string): number => plan.filter(({ look }) => look.at === at).length;
    t.equal(new Set(plan.map(({ name: step }) => step)).size, plan.length, `${name}: each step has its name`);
    t.equal(has('line'), description.adapter === 'linux' ? testedLines(description).length : 0, name);
    t.equal(has('reserved'), description.gpio?.reserved.length ?? 0);
    t.equal(has('i2c') + has('uart'), (description.i2c?.length ?? 0) + (description.uarts?.length ?? 0));
    for (const { look } of plan)
      if (look.at === 'light') t.ok(look.channel.kind === 'led' && look.channel.writable, name);
    t.equal(
      planBoardTest(description, { drive: false }).filter(({ look }) => look.at === 'light').length,
      0,
      `${name}: no light without the word for it`,
    );
  }
});

await t.test('what the host is driven by counts as output, what it says as input', async (t) => {
  const use = Object.fromEntries(testedLines(evb).map((line) => [line.by, line.use]));
  t.match(use, {
    'signal ps-pwrok': 'input',
    'button powerIn': 'input',
    'button powerOut': 'output',
    'button resetOut': 'output',
    'switch of disk0': 'output',
    'channel aux-relay': 'output',
    'channel chassis-intrusion': 'input',
  });
});

await t.test('what a board has not is absent, and no failure', async (t) => {
  const { watchdog: _, gadget: __, flash: ___, hostInterface: ____, ...bare } = evb;
  const host = { ...evb.host!, signals: [], disks: [], buttons: {} };
  const plan = planBoardTest({ ...bare, host, channels: [] }, { drive: false });
  t.same(
    plan.filter(({ look }) => look.at === 'absent').map(({ name }) => name),
    ['restart', 'power', 'disks', 'watchdog', 'host interface', 'gadget', 'flash'],
  );
});

const [relay] = testedLines(evb).filter(({ by }) => by === 'channel aux-relay');
const [pwrok] = testedLines(evb).filter(({ by }) => by === 'signal ps-pwrok');
const quiet = { before: { direction: 'out' }, value: 1, after: { direction: 'out' }, again: 1 } as const;

await t.test(
  'a line is proven only where it was read, and being taken and let go left it alone',
  async (t) => {
    t.match(judgeLine(relay!, quiet), { is: 'proven', says: /output, reads 1 \(its safe value is 0\)$/ });
    t.match(judgeLine(relay!, { ...quiet, again: 0 }), { is: 'failed', says: /read 1, and 0 after/ });
    t.match(judgeLine(relay!, { ...quiet, after: { direction: 'in' } }), {
      is: 'failed',
      says: /was driven, and is an input/,
    });
    t.match(judgeLine(relay!, { before: { direction: 'out' }, value: 1 }), { is: 'failed' });
    t.match(judgeLine(relay!, {}), { is: 'failed', says: /could not be read/ });
    t.match(judgeLine(relay!, { fault: 'line 8 is in use by "phy-reset"' }), {
      is: 'failed',
      says: /phy-reset/,
    });
    t.match(judgeLine(pwrok!, { ...quiet, before: { direction: 'out' } }), {
      is: 'failed',
      says: /driven by this machine/,
    });
  },
);

await t.test('what an agent at work holds is not tried by anybody else, and asked by itself', async (t) => {
  const before = { direction: 'out', user: 'nightshift' } as const;
  t.match(judgeLine(relay!, { before }), { is: 'not tried', says: /type "board test" at its console/ });
  t.match(judgeLine(relay!, { before, value: 0, held: true }), { is: 'proven', says: /output, reads 0$/ });
});

await t.test(
  'a restart is safe where every output read the same; of one that was held nothing is known',
  async (t) => {
    const outputs = testedLines(evb).filter(({ use }) => use === 'output');
    t.match(
      judgeRestart(outputs, () => quiet),
      { is: 'proven', says: /4 of 4 outputs/ },
    );
    t.match(
      judgeRestart(outputs, ({ by }) => (by === 'button powerOut' ? { ...quiet, again: 0 } : quiet)),
      { is: 'failed', says: /differ: button powerOut$/ },
    );
    t.match(
      judgeRestart(outputs, ({ by }) => (by === 'button powerOut' ? { before: quiet.before } : quiet)),
      { is: 'not tried', says: /not known of button powerOut/ },
    );
    t.match(
      judgeRestart(outputs, () => ({ value: 1, held: true })),
      { is: 'not tried', says: /stay held/ },
    );
  },
);

await t.test('a reserved line is left to whom it belongs', async (t) => {
  const line = { chip: 'c', offset: 2, line: 'SDA1', why: 'I2C of the board' };
  t.match(judgeReserved(line, { name: 'SDA1', user: 'i2c' }), { is: 'proven', says: /"i2c" has it/ });
  t.match(judgeReserved(line, { name: 'SDA1', user: 'nightshift' }), { is: 'failed' });
  t.match(judgeReserved(line, { name: 'SCL1' }), { is: 'failed', says: /called "SCL1" here/ });
  t.match(judgeReserved(line, {}), { is: 'proven' }, 'by sysfs no line has a name');
});

await t.test('a sensor is proven by what can be; too warm is told, and no fault of the board', async (t) => {
  const [temp] = evb.channels.filter(({ name }) => name === 'board-temp');
  const limited = { ...temp!, low: 0, high: 45_000 };
  t.match(judgeNumber(limited, 31_000), { is: 'proven', says: '31000 m\u00b0C' });
  t.match(judgeNumber(limited, 46_000), { is: 'proven', says: /TOO HIGH: 45000/ });
  t.match(judgeNumber(limited, -1000), { is: 'proven', says: /TOO LOW: 0/ });
  t.match(judgeNumber(limited, -128_000), { is: 'failed', says: /no temperature reads so/ });
  t.match(judgeNumber({ ...temp!, kind: 'fan', unit: 'rpm' }, -1), { is: 'failed' });
  t.match(judgeNumber({ ...temp!, kind: 'gpio', unit: 'state' }, 2), { is: 'failed' });
});

await t.test('signals agree where a state of this host is left', async (t) => {
  const said = { 'ps-pwrok': 'low', 'sio-s5': 'asserted' };
  t.match(judgeSignals(['S4', 'S5'], said, ['S0', 'S5']), {
    is: 'proven',
    says: 'S5: ps-pwrok low, sio-s5 asserted',
  });
  t.match(judgeSignals(['S3'], said, ['S0', 'S5']), { is: 'failed', says: /is a polarity wrong/ });
  t.match(judgeSignals([], said, ['S0']), { is: 'failed' });
});

await t.test('flash is proven by every partition of its layout, where the layout has it', async (t) => {
  const layout = v.parse(flashLayout, read('flash/layouts/nor-64m.json'));
  const seen = layout.partitions.map(({ name, offset, size }) => ({ name, offset, size }));
  const whole = { name: 'bmc', size: layout.size };
  t.match(judgeFlash(layout, [whole, ...seen]), { is: 'proven' });
  t.match(
    judgeFlash(
      layout,
      seen.map(({ name, size }) => ({ name, size })),
    ),
    { is: 'proven' },
  );
  t.match(
    judgeFlash(
      layout,
      seen.filter(({ name }) => name !== 'app-b'),
    ),
    {
      is: 'failed',
      says: /there is no app-b/,
    },
  );
  const [first, ...rest] = seen;
  t.match(judgeFlash(layout, [{ ...first!, size: 4096 }, ...rest]), {
    is: 'failed',
    says: /4096 bytes, not/,
  });
  t.match(judgeFlash(layout, [{ ...first!, offset: 4096 }, ...rest]), {
    is: 'failed',
    says: /begins at 4096/,
  });
});

await t.test('one failure is a failure, and what was not tried is never said to be well', async (t) => {
  const proven = { is: 'proven', says: '' } as const;
  const absent = { is: 'absent', says: '' } as const;
  const failed = { is: 'failed', says: '' } as const;
  const open = { is: 'not tried', says: '' } as const;
  t.equal(outcomeOf([proven, absent]), 'well');
  t.equal(outcomeOf([proven, open]), 'not all tried');
  t.equal(outcomeOf([proven, open, failed]), 'failed');
  t.equal(findingCounts([proven, open, open]), '1 proven, 0 failed, 2 not tried');
});
