import { readFileSync } from 'node:fs';
import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { milliseconds } from '../../../../src/base/index.ts';
import {
  CONTROL,
  giveOrder,
  INTERRUPT,
  MAP_CONTROL,
  millis,
  numberOfState,
  type ORDER_WORDS,
  PORT_OFFSET,
  PORT_REGISTERS,
  REGISTER,
  REGISTER_MAP,
  readEnrolled,
  readUnit,
  registerPage,
  SCONTROL,
  SERROR,
  SimRegisters,
  SSTATUS,
  STATUS,
  type Window,
} from '../../../../src/sata-chain/index.ts';
import { unitChain } from '../../../kit/unit-chain.ts';

const never = new AbortController().signal;

async function bench(sectors: readonly number[] = [1000, 2000]) {
  const chain = unitChain(sectors);
  await chain.powerOn();
  const windows: Window[] = [];
  const identities = await Promise.all(chain.drives.map((drive) => drive.target.identify()));
  const registers = new SimRegisters(
    'chain0',
    chain.units.map((unit, at) => ({
      unit,
      drive: () => identities[at],
      setWindow: (window: Window) => void windows.push(window),
    })),
  );
  const status = async (unit = 0) => STATUS.decode(await registers.read32(unit, REGISTER.status, never));
  const clock = new VirtualClock();
  const order = async (unit: number, what: keyof typeof ORDER_WORDS) => {
    const given = giveOrder(registers, unit, what, clock, never);
    for (let i = 0; i < 400; i += 1) {
      await chain.run(millis(10));
      await clock.advance(milliseconds(10));
    }
    return given;
  };
  return { ...chain, registers, windows, status, order };
}

await t.test('the page in docs is the one that the table makes', async (t) => {
  const page = readFileSync(new URL('../../../../docs/register-map.md', import.meta.url), 'utf8');
  t.equal(page, registerPage());
});

await t.test('no two registers lie on each other, and all lie on words', async (t) => {
  const taken = REGISTER_MAP.flatMap(({ offset, words }) =>
    Array.from({ length: words }, (_, i) => offset + 4 * i),
  );
  t.equal(new Set(taken).size, taken.length);
  t.ok(taken.every((offset) => offset % 4 === 0 && offset < 4096));
  t.same(
    taken,
    taken.toSorted((a, b) => a - b),
  );
});

await t.test('a driver reads from the registers what the unit is', async (t) => {
  const { registers, units } = await bench();
  t.equal(await registers.units(never), 2);
  const [head, tail] = [await readUnit(registers, 0, never), await readUnit(registers, 1, never)];
  t.match(head, {
    unit: '0000000000000000',
    drive: { serial: 'DRIVE0', sectors: 1000, sectorSize: 512 },
    presentedSectors: 3000,
    state: numberOfState('T4'),
    fault: 0,
  });
  t.match(tail, {
    unit: '0000000000000001',
    drive: { serial: 'DRIVE1', sectors: 2000 },
    presentedSectors: 2000,
  });
  t.same(await readEnrolled(registers, 0, never), {
    drive: { serial: 'DRIVE0', sectors: 1000 },
    below: { units: 1, sectors: 2000 },
  });
  t.match(await readEnrolled(registers, 1, never), { below: undefined });
  const shown = units[0]!.registers();
  t.equal(head.dsi, shown.dsi);
  t.equal(head.csi, shown.csi);
  const sstatus = await registers.read32(0, PORT_REGISTERS.ddi + PORT_OFFSET.sstatus, never);
  t.match(SSTATUS.decode(sstatus), { det: 3, spd: 3, ipm: 1 });
});

await t.test('an order is one bit, and its end shows in the status', async (t) => {
  const { registers, status, order, units } = await bench();
  t.equal(await order(0, 'own'), true);
  t.match(await status(), { state: numberOfState('T8'), busy: false, refused: false });
  t.equal(await order(0, 'hand-back'), true);
  t.match(await status(), { state: numberOfState('T4') });
  t.equal(await order(0, 'disable'), true);
  t.match(await status(), { state: numberOfState('T7'), locked: true });
  t.equal(units[0]!.state.t.record.locked, true);
  t.equal(await order(0, 'own'), false, 'not an order for a disabled unit');
  t.match(await status(), { refused: true, state: numberOfState('T7') });
  t.equal(await order(0, 'enable'), true);
  t.match(await status(), { state: numberOfState('T4'), locked: false, refused: false });
  for (const bits of [0, 3, CONTROL.encode({ own: true, disable: true }), 0x8000_0000]) {
    await registers.write32(0, REGISTER.control, bits, never);
    t.match(await status(), { refused: true, busy: false, state: numberOfState('T4') }, `${bits}`);
  }
  t.equal(await registers.read32(0, REGISTER.control, never), 0);
});

await t.test('interrupts come for enabled causes, and stay until they are cleared', async (t) => {
  const { registers, order, drives, ...world } = await bench();
  const heard: number[] = [];
  registers.onInterrupt((unit) => heard.push(unit));
  await order(0, 'own');
  t.same(heard, [], 'none is enabled');
  t.match(INTERRUPT.decode(await registers.read32(0, REGISTER.interruptStatus, never)), { status: true });
  await registers.write32(0, REGISTER.interruptStatus, 0xffff_ffff, never);
  t.equal(await registers.read32(0, REGISTER.interruptStatus, never), 0);
  await order(0, 'hand-back');
  await registers.write32(1, REGISTER.interruptStatus, 0xffff_ffff, never);
  await registers.write32(1, REGISTER.interruptEnable, INTERRUPT.encode({ drive: true }), never);
  drives[1]!.powerOff();
  await world.run(millis(100));
  t.same(heard, [1], 'once, for the unit whose drive went');
  t.match(INTERRUPT.decode(await registers.read32(1, REGISTER.interruptStatus, never)), {
    drive: true,
    port: true,
  });
  await registers.write32(0, REGISTER.interruptEnable, INTERRUPT.encode({ chain: true }), never);
  const { chain } = INTERRUPT.decode(await registers.read32(0, REGISTER.interruptStatus, never));
  t.equal(heard.includes(0), chain, 'a cause that is pending raises one when it is enabled');
});

await t.test('a count of two words is never torn', async (t) => {
  const { units } = await bench([1000]);
  const real = units[0]!;
  let sectors = 2 ** 32 - 1;
  const unit = {
    state: real.state,
    registers: () => ({ ...real.registers(), sectors }),
    order: real.order.bind(real),
    writeSerror: () => undefined,
    writeScontrol: () => undefined,
    onChange: () => () => undefined,
  };
  const registers = new SimRegisters('x', [{ unit, drive: () => undefined, setWindow: () => undefined }]);
  const word = (at: number) => registers.read32(0, REGISTER.sectors + at, never);
  t.equal(await word(0), 0xffff_ffff);
  sectors = 2 ** 32;
  t.equal(await word(4), 0, 'the high word of the moment at which the low one was read');
  t.equal(await word(0), 0);
  t.equal(await word(4), 1);
});

await t.test('SError is cleared by ones, and a link goes to sleep and wakes by SPM', async (t) => {
  const { registers, ...world } = await bench();
  const serror = PORT_REGISTERS.pto + PORT_OFFSET.serror;
  t.ok(SERROR.decode(await registers.read32(0, serror, never)).X, 'a COMINIT was seen');
  await registers.write32(0, serror, SERROR.encode({ X: true }), never);
  t.notOk(SERROR.decode(await registers.read32(0, serror, never)).X);
  const scontrol = PORT_REGISTERS.ddi + PORT_OFFSET.scontrol;
  const ipm = async () =>
    SSTATUS.decode(await registers.read32(0, PORT_REGISTERS.ddi + PORT_OFFSET.sstatus, never)).ipm;
  await registers.write32(0, scontrol, 0x1000, never);
  await world.run(millis(5));
  t.equal(await ipm(), 2, 'partial');
  await registers.write32(0, scontrol, 0x4000, never);
  await world.run(millis(5));
  t.equal(await ipm(), 1, 'active');
});

await t.test('a port obeys its SControl: offline and back, a cap on its rate, no sleep', async (t) => {
  const { registers, status, ...world } = await bench();
  const at = (port: 'pti' | 'ddi', word: keyof typeof PORT_OFFSET) =>
    PORT_REGISTERS[port] + PORT_OFFSET[word];
  const read = (port: 'pti' | 'ddi', word: keyof typeof PORT_OFFSET) =>
    registers.read32(0, at(port, word), never);
  const write = async (port: 'pti' | 'ddi', fields: Parameters<typeof SCONTROL.encode>[0]) => {
    await registers.write32(0, at(port, 'scontrol'), SCONTROL.encode(fields), never);
    await world.run(millis(600));
  };
  await write('ddi', { det: 4 });
  t.match(SSTATUS.decode(await read('ddi', 'sstatus')), { det: 4, spd: 0, ipm: 0 });
  t.match(await status(), { state: numberOfState('T2H') });
  await write('ddi', { det: 0, spd: 1, ipm: 3, spm: 1 });
  t.match(SSTATUS.decode(await read('ddi', 'sstatus')), { det: 3, spd: 1 });
  t.match(SCONTROL.decode(await read('ddi', 'scontrol')), { det: 0, spd: 1, ipm: 3, spm: 0 });
  t.match(await status(), { state: numberOfState('T4') });
  await write('pti', { det: 4 });
  t.match(SCONTROL.decode(await read('pti', 'scontrol')), { det: 0 });
  t.match(SSTATUS.decode(await read('pti', 'sstatus')), { det: 3 }, 'PTTRSM alone says when PTI is silent');
});

await t.test('mapping registers count all at once, when they are applied', async (t) => {
  const { registers, windows } = await bench();
  const write = (offset: number, value: number) => registers.write32(0, offset, value, never);
  await write(REGISTER.mapBase, 7);
  await write(REGISTER.mapBase + 4, 1);
  await write(REGISTER.mapLength, 500);
  t.same(windows, []);
  await write(REGISTER.mapControl, MAP_CONTROL.encode({ absolute: true, apply: true }));
  t.same(windows, [{ mode: 'absolute', base: 2 ** 32 + 7, length: 500 }]);
  t.equal(await registers.read32(0, REGISTER.mapControl, never), MAP_CONTROL.encode({ absolute: true }));
  await write(REGISTER.mapControl, MAP_CONTROL.encode({ limited: true, apply: true }));
  await write(REGISTER.mapControl, MAP_CONTROL.encode({ apply: true }));
  t.same(windows.slice(1), [{ mode: 'relative', length: 500 }, { mode: 'relative' }]);
});

await t.test('what is not there is not read or written', async (t) => {
  const { registers } = await bench([100]);
  for (const [unit, offset] of [
    [1, 0],
    [0, 0xffc],
    [0, 2],
    [-1, 0],
  ] as const) {
    await t.rejects(registers.read32(unit, offset, never), { code: 'NS_REGISTER' });
    await t.rejects(registers.write32(unit, offset, 0, never), { code: 'NS_REGISTER' });
  }
  await t.rejects(registers.write32(0, REGISTER.dsi, 0, never), { code: 'NS_REGISTER' });
  await t.rejects(registers.write32(0, REGISTER.interruptEnable, 2 ** 32, never), { code: 'NS_REGISTER' });
  await t.rejects(readUnit(registers, 3, never), { code: 'NS_REGISTER' });
  await t.rejects(registers.read32(0, 0, AbortSignal.abort(new Error('no'))), { message: 'no' });
  await registers.close();
});
