import fc from 'fast-check';
import t from 'tap';
import { seconds } from '../../../../../src/base/index.ts';
import type { Caller } from '../../../../../src/ipmi/index.ts';
import { aUser, bmcBench, HOST } from '../../../../kit/bmc-bench.ts';

const suites = [{ id: 17, level: 'administrator' }] as const;
const lan = () => ({ address: '10.0.0.7', suites });
const callers: readonly Caller[] = [{ is: 'nobody' }, aUser('user'), aUser('operator'), aUser(), HOST];

void t.test('each command is there once, and has a name', async (t) => {
  const { commands } = await bmcBench({ lan });
  const keys = commands.map(({ netFn, code }) => `${netFn}/${code}`);
  t.equal(new Set(keys).size, keys.length);
  t.equal(new Set(commands.map(({ name }) => name)).size, keys.length);
});

void t.test(
  'data of any length and content get a completion code, and never an unspecified one',
  async (t) => {
    const { bmc, commands, clock, lines } = await bmcBench({ lan });
    const small = fc.oneof(fc.constantFrom(0, 1, 2, 3, 5, 0x20, 0xdc, 0xf0, 0xff), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...commands),
        fc.array(small, { maxLength: 40 }),
        fc.constantFrom(...callers),
        async ({ netFn, code, name }, data, caller) => {
          const answer = bmc.answer({ netFn, command: code, lun: 0, data: Uint8Array.from(data) }, caller);
          const { completion } = await clock.settle(answer, seconds(5));
          if (completion === 0xff || completion === 0xc3) throw new Error(`${name}: ${completion}`);
        },
      ),
      { numRuns: 4000 },
    );
    t.same(
      lines.filter((line) => line.includes('command-failed')),
      [],
    );
  },
);

void t.test('a command that is cut short, anywhere, is told so', async (t) => {
  const { ask } = await bmcBench({ lan });
  const whole: readonly [netFn: number, code: number, data: string, least: number][] = [
    [0x00, 0x02, '00', 1],
    [0x00, 0x06, '03', 1],
    [0x00, 0x08, '05 8004000000', 6],
    [0x00, 0x09, '050000', 3],
    [0x00, 0x0a, '00', 1],
    [0x04, 0x02, '04 01 30 01 00', 5],
    [0x04, 0x23, '0100', 2],
    [0x04, 0x2d, '01', 1],
    [0x06, 0x06, '7f7f', 2],
    [0x06, 0x24, '04 00 00 00 6400', 6],
    [0x0a, 0x10, '00', 1],
    [0x0a, 0x11, '00 0000 10', 4],
    [0x0a, 0x23, '0000 0000 00 ff', 6],
    [0x0a, 0x43, '0000 0000 00 ff', 6],
    [0x0a, 0x44, '0000 02 00000000 4100 04 01 30 01 000000', 16],
    [0x0a, 0x46, '0000 0000', 4],
    [0x0a, 0x47, '0000 434c52 aa', 6],
    [0x0a, 0x49, '00000050', 4],
    [0x0c, 0x02, '0e030000', 4],
    [0x2c, 0x02, 'dc010000', 2],
  ];
  for (const [netFn, code, data, least] of whole) {
    const bytes = Buffer.from(data.replace(/ /g, ''), 'hex');
    for (let length = 0; length < least; length += 1) {
      const cut = length > 0 && netFn === 0x00 && code === 0x08 ? [0x00, 0xc7] : [0xc7];
      const { completion } = await ask(netFn, code, bytes.subarray(0, length));
      t.ok(cut.includes(completion), `${netFn}/${code} of ${length} bytes: ${completion}`);
    }
  }
});

void t.test('a group that nobody here speaks is refused at once', async (t) => {
  const { ask } = await bmcBench();
  for (const [code, body] of [
    [0x00, '00'],
    [0x01, '00'],
    [0x02, '03'],
    [0x3e, '03'],
  ] as const)
    t.equal((await ask(0x2c, code, body)).completion, 0xc1);
});

void t.test('nothing of the BMC is left behind when it ends', async (t) => {
  const { life, machine, ask, clock } = await bmcBench();
  await ask(0x06, 0x24, '44 00 00 00 6400');
  await ask(0x06, 0x22);
  await ask(0x00, 0x08, '05 8004000000');
  t.ok(clock.waiting > 0);
  life.abort();
  await clock.advance(seconds(0));
  t.equal(clock.waiting, 0);
  t.equal(machine.listeners, 0);
});
