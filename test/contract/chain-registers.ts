import t from 'tap';
import type { ChainRegisters } from '../../src/ports/index.ts';
import { INTERRUPT, ORDER_WORDS, REGISTER, readUnit, STATUS } from '../../src/sata-chain/index.ts';

export interface RegistersUnderTest {
  readonly registers: ChainRegisters;
  /** Units behind them. */
  readonly units: number;
  /** Lets so many milliseconds pass for the units. */
  readonly pass: (ms: number) => Promise<void>;
}

const never = new AbortController().signal;

/** What every ChainRegisters promises, over a chain that runs, with a host that is on. */
export async function chainRegistersContract(
  name: string,
  make: () => Promise<RegistersUnderTest>,
): Promise<void> {
  await t.test(`${name}: every unit is there, under an id of its own`, async (t) => {
    const { registers, units } = await make();
    t.equal(await registers.units(never), units);
    const ids = new Set<string>();
    for (let at = 0; at < units; at += 1) ids.add((await readUnit(registers, at, never)).unit);
    t.equal(ids.size, units);
    await registers.close();
  });

  await t.test(
    `${name}: what is not there is an error of the caller, and an aborted call does nothing`,
    async (t) => {
      const { registers, units } = await make();
      for (const [unit, offset] of [
        [units, REGISTER.magic],
        [0, 1],
        [0, 0xff0],
      ] as const) {
        await t.rejects(registers.read32(unit, offset, never), { code: 'NS_REGISTER' });
        await t.rejects(registers.write32(unit, offset, 0, never), { code: 'NS_REGISTER' });
      }
      await t.rejects(registers.write32(0, REGISTER.magic, 0, never), { code: 'NS_REGISTER' });
      await t.rejects(registers.write32(0, REGISTER.interruptEnable, 2 ** 32, never), {
        code: 'NS_REGISTER',
      });
      const aborted = AbortSignal.abort(new Error('no'));
      await t.rejects(registers.write32(0, REGISTER.control, ORDER_WORDS.disable, aborted), {
        message: 'no',
      });
      t.equal(STATUS.decode(await registers.read32(0, REGISTER.status, never)).locked, false);
      await registers.close();
    },
  );

  await t.test(`${name}: an order is worked off, and a lock shows once it is there`, async (t) => {
    const { registers, pass } = await make();
    const status = async () => STATUS.decode(await registers.read32(0, REGISTER.status, never));
    await registers.write32(0, REGISTER.control, ORDER_WORDS.disable, never);
    await pass(100);
    t.match(await status(), { busy: false, refused: false, locked: true });
    await registers.write32(0, REGISTER.control, ORDER_WORDS.own, never);
    await pass(100);
    t.match(await status(), { busy: false, refused: true, locked: true });
    await registers.write32(0, REGISTER.control, ORDER_WORDS.enable, never);
    await pass(100);
    t.match(await status(), { busy: false, refused: false, locked: false });
    await registers.close();
  });

  await t.test(`${name}: an interrupt comes for what is enabled, until nobody listens`, async (t) => {
    const { registers, pass } = await make();
    let heard = 0;
    const stop = registers.onInterrupt(() => {
      heard += 1;
    });
    await registers.write32(0, REGISTER.interruptStatus, 0xffff_ffff, never);
    await registers.write32(0, REGISTER.interruptEnable, INTERRUPT.encode({ refused: true }), never);
    await registers.write32(0, REGISTER.control, 0, never);
    await pass(10);
    t.equal(heard, 1);
    t.equal(INTERRUPT.decode(await registers.read32(0, REGISTER.interruptStatus, never)).refused, true);
    await registers.write32(0, REGISTER.control, 0, never);
    await pass(10);
    t.equal(heard, 1, 'once, until it is cleared');
    await registers.write32(0, REGISTER.interruptStatus, INTERRUPT.encode({ refused: true }), never);
    stop();
    await registers.write32(0, REGISTER.control, 0, never);
    await pass(10);
    t.equal(heard, 1);
    await registers.close();
  });
}
