import t from 'tap';
import { milliseconds, seconds } from '../../../../../src/base/index.ts';
import { aUser, bmcBench, HOST } from '../../../../kit/bmc-bench.ts';

type Bench = Awaited<ReturnType<typeof bmcBench>>;
const isValid = ({ machine }: Bench): boolean => machine.chassis.bootFlags.get().valid;
const write = (bench: Bench, data: string) =>
  bench.ask(0x00, 0x08, data).then(({ completion }) => completion);
const read = (bench: Bench, data: string) => bench.ask(0x00, 0x09, data).then((answer) => answer.data);
const PXE = '05 8004000000';

void t.test('our own client sets flags for the next boot, and reads them back', async (t) => {
  const bench = await bmcBench();
  await bench.client().setBootFlags({ device: 'pxe', efi: true });
  t.match(await bench.client().bootFlags(), { valid: true, persistent: false, efi: true, device: 'pxe' });
  t.match(
    bench.machine.chassis.bootFlags.get(),
    { valid: true, device: 'pxe' },
    'where the machine sees them',
  );
  t.equal((await bench.ask(0x00, 0x08, PXE, aUser('user'))).completion, 0xd4);
});

void t.test('flags for one boot lapse where none is ordered within a minute', async (t) => {
  const bench = await bmcBench();
  await write(bench, PXE);
  await bench.clock.advance(milliseconds(59_900));
  t.equal(isValid(bench), true);
  await bench.clock.advance(milliseconds(200));
  t.equal(isValid(bench), false);
  t.match(bench.machine.chassis.bootFlags.get(), { device: 'pxe' }, 'and can still be read');
  await write(bench, '03 08');
  await write(bench, PXE);
  await bench.clock.advance(seconds(3600));
  t.equal(isValid(bench), true, 'unless the user said otherwise');
  t.same(await read(bench, '030000'), Uint8Array.of(1, 3, 0x08));
});

void t.test('they serve the one boot that was ordered, and no other', async (t) => {
  const bench = await bmcBench();
  bench.machine.becomes('S5');
  await write(bench, PXE);
  await bench.client().chassisControl('on');
  await bench.clock.advance(seconds(600));
  t.equal(isValid(bench), true, 'while the firmware may still look');
  bench.machine.becomes('S5');
  t.equal(isValid(bench), false);
  await write(bench, PXE);
  await bench.client().chassisControl('on');
  await bench.client().chassisControl('reset');
  t.equal(isValid(bench), false, 'a second boot');
  await write(bench, PXE);
  await bench.client().chassisControl('cycle');
  t.equal(isValid(bench), true, 'a power cycle is one boot');
});

void t.test('a host that starts by itself finds no flags that were meant for an order', async (t) => {
  const bench = await bmcBench();
  bench.machine.becomes('S5');
  await write(bench, PXE);
  bench.machine.becomes('S0');
  t.equal(isValid(bench), false);
  bench.machine.becomes('S5');
  await write(bench, '03 01');
  await write(bench, PXE);
  bench.machine.becomes('S0');
  t.equal(isValid(bench), true, 'unless the user said that the button counts too');
});

void t.test('persistent flags stay', async (t) => {
  const bench = await bmcBench();
  await write(bench, '05 c008000000');
  await bench.clock.advance(seconds(120));
  bench.machine.becomes('S5');
  bench.machine.becomes('S0');
  t.equal(isValid(bench), true);
  t.same(await read(bench, '050000'), Uint8Array.of(1, 5, 0xc0, 0x08, 0, 0, 0));
});

void t.test('the firmware acknowledges, and takes the mark away itself', async (t) => {
  const bench = await bmcBench();
  await write(bench, PXE);
  await bench.client().chassisControl('reset');
  t.equal((await bench.ask(0x00, 0x09, '050000', HOST)).completion, 0);
  t.equal((await bench.ask(0x00, 0x08, '05 0004000000', HOST)).completion, 0);
  t.equal(isValid(bench), false);
  t.equal(await write(bench, '04 0100'), 0);
  t.same(await read(bench, '040000'), Uint8Array.of(1, 4, 0, 0xfe));
});

void t.test('whoever sets options keeps others out, for a minute at most', async (t) => {
  const bench = await bmcBench();
  t.equal(await write(bench, '00 01'), 0);
  t.equal(await write(bench, '00 01'), 0x81);
  t.same(await read(bench, '000000'), Uint8Array.of(1, 0, 1));
  t.equal(await write(bench, '00 00'), 0);
  t.equal(await write(bench, '00 01'), 0);
  await bench.clock.advance(seconds(61));
  t.equal(await write(bench, '00 01'), 0);
  t.equal(await write(bench, '00 02'), 0xcc, 'there is nothing to commit');
});

void t.test('the initiator and its mailbox are kept, and a parameter can be marked', async (t) => {
  const bench = await bmcBench();
  t.equal(await write(bench, '06 010203040506070809'), 0);
  t.same(await read(bench, '060000'), Uint8Array.of(1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  t.equal(await write(bench, `07 02 ${'ab'.repeat(16)}`), 0);
  t.same((await read(bench, '070002')).subarray(2, 5), Uint8Array.of(2, 0xab, 0xab));
  t.equal(await write(bench, `07 05 ${'ab'.repeat(16)}`), 0xc9);
  t.equal(await write(bench, '86'), 0);
  t.equal((await read(bench, '060000'))[1], 0x86);
  t.equal(await write(bench, '01 00'), 0x80);
  t.equal((await bench.ask(0x00, 0x09, '600000')).completion, 0x80);
  t.equal(await write(bench, '05 80040000'), 0xc7);
  t.equal(await write(bench, '05 8028000000'), 0xcc, 'a device that the specification keeps for later');
});
