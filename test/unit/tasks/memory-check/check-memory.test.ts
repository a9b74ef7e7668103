import t from 'tap';
import * as v from 'valibot';
import { BadSectors } from '../../../../src/adapters/sim/bad-sectors.ts';
import { type SimDimm, SimHost, SimMemory, VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { KiB, MiB } from '../../../../src/base/index.ts';
import type { BlockDevice, MemoryProbe, PowerState } from '../../../../src/ports/index.ts';
import { type ArgsOf, VERBS } from '../../../../src/protocol/index.ts';
import { type CheckProgress, checkMemory } from '../../../../src/tasks/memory-check/check-memory.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const SPD = 'good' as const;
const DIMMS: SimDimm[] = [
  { slot: 'A1', size: 64 * KiB, faults: [], spd: SPD },
  { slot: 'A2', size: 64 * KiB, faults: [{ kind: 'stuck-at', at: 8, bit: 0, value: 1 }], spd: SPD },
  { slot: 'B1', size: 0, faults: [], spd: SPD },
];

function bench(
  options: { state?: PowerState; dimms?: SimDimm[]; device?: BlockDevice; probe?: MemoryProbe | 'none' } = {},
) {
  const host = new SimHost({ clock: new VirtualClock(), state: options.state ?? 'S5' });
  const states: PowerState[] = ['S3', 'S4', 'S5'];
  const probe =
    options.probe ??
    new SimMemory({ dimms: options.dimms ?? DIMMS, dramIn: [...states, 'S0'], spdIn: states });
  const progress: CheckProgress[] = [];
  const abort = new AbortController();
  const check = async (args: ArgsOf<'memory.check'>) => {
    const verdict = await checkMemory({
      args,
      power: host,
      ...(probe === 'none' ? {} : { probe }),
      ...(options.device ? { device: options.device } : {}),
      signal: abort.signal,
      onProgress: (each) => progress.push(each),
    });
    // Whatever is answered must fit the receipt.
    if (verdict.ok) v.parse(VERBS['memory.check'].result, verdict.value);
    return verdict;
  };
  return { host, progress, abort, check };
}

await t.test('dram: all memory by both algorithms, with every error and its slot', async (t) => {
  const { check, progress } = bench();
  const verdict = await check({ medium: 'dram' });
  t.match(verdict, {
    ok: true,
    value: {
      algorithms: ['mats+', 'march-c-'],
      covered: [{ start: 0, length: 128 * KiB }],
      coveredBasisPoints: 10_000,
      errorCount: 1,
      errors: [{ at: 64 * KiB + 8, slot: 'A2', what: /mats\+/ }],
      notReached: [],
    },
  });
  t.ok(progress.every(({ done, total }, i) => done <= total && (i === 0 || done > progress[i - 1]!.done)));
  t.equal(progress.at(-1)!.done, progress.at(-1)!.total);
});

await t.test('dram: what was not asked for is not covered, and said', async (t) => {
  const { check } = bench();
  const part = await check({
    medium: 'dram',
    algorithms: ['mats+'],
    ranges: [{ start: 4, length: 32 * KiB }],
  });
  t.match(part, {
    value: {
      covered: [{ start: 8, length: 32 * KiB - 8 }],
      coveredBasisPoints: 2499,
      errorCount: 0,
      notReached: [
        { why: 'not reachable in S5' },
        { why: 'not reachable in S5' },
        { why: 'not asked for' },
        { why: 'not asked for' },
      ],
    },
  });
  const past = await check({ medium: 'dram', ranges: [{ start: 64 * KiB, length: MiB }] });
  t.match(past, {
    value: {
      coveredBasisPoints: 5000,
      notReached: [
        { what: 'bytes 0x20000 to 0x10ffff' },
        { what: 'bytes 0x0 to 0xffff', why: 'not asked for' },
      ],
    },
  });
  t.match(await check({ medium: 'dram', ranges: [{ start: MiB, length: 8 }] }), {
    refusal: { code: 'MEMORY_UNREACHABLE' },
  });
});

await t.test('dram: a module whose place is not known leaves no figure to boast with', async (t) => {
  const whole = new SimMemory({ dimms: DIMMS, dramIn: ['S5'], spdIn: [] });
  const probe: MemoryProbe = {
    reach: (state) => whole.reach(state),
    slots: async () =>
      (await whole.slots()).map((slot) => (slot.slot === 'A2' ? { slot: 'A2', populated: true } : slot)),
    readSpd: (slot) => whole.readSpd(slot),
    read: (address, into) => whole.read(address, into),
    write: (address, data) => whole.write(address, data),
  };
  t.match(await bench({ probe }).check({ medium: 'dram', algorithms: ['mats+'] }), {
    value: { coveredBasisPoints: 0, notReached: [{ what: 'A2', why: /does not know/ }] },
  });
});

await t.test('dram is tested only where nothing is lost by it', async (t) => {
  const answer = async (state: PowerState) => {
    const verdict = await bench({ state }).check({ medium: 'dram' });
    return verdict.ok ? 'tested' : verdict.refusal.code;
  };
  t.equal(await answer('S0'), 'HOST_AWAKE');
  t.equal(await answer('S3'), 'HOST_SUSPENDED');
  t.equal(await answer('unknown'), 'HOST_STATE_UNKNOWN');
  t.equal(await answer('S4'), 'tested');
  t.equal(await answer('G3'), 'MEMORY_UNREACHABLE');
  t.match(await bench({ probe: 'none' }).check({ medium: 'dram' }), {
    refusal: { code: 'MEMORY_UNREACHABLE' },
  });
});

await t.test('dram: a host that wants to wake stops the test', async (t) => {
  const { check, host, progress } = bench();
  const checking = check({ medium: 'dram' });
  while (progress.length === 0) await new Promise((resolve) => setImmediate(resolve));
  host.press();
  t.match(await checking, { refusal: { code: 'HOST_WAKING' } });
  t.ok(progress.at(-1)!.done < progress.at(-1)!.total);
  const cancelled = bench();
  cancelled.abort.abort(new Error('cancelled'));
  await t.rejects(cancelled.check({ medium: 'dram' }), { message: 'cancelled' });
});

await t.test('spd: each module by slot, with damage told and silence not passed over', async (t) => {
  const { check } = bench({
    state: 'S3',
    dimms: [
      { slot: 'A1', size: 64 * MiB, faults: [], spd: 'good' },
      { slot: 'A2', size: 64 * MiB, faults: [], spd: 'damaged' },
      { slot: 'B1', size: 0, faults: [], spd: 'good' },
      { slot: 'B2', size: 64 * MiB, faults: [], spd: 'unreadable' },
    ],
  });
  t.match(await check({ medium: 'spd' }), {
    value: {
      algorithms: ['spd-crc'],
      covered: [
        { start: 0, length: 1 },
        { start: 1, length: 1 },
      ],
      coveredBasisPoints: 6666,
      errorCount: 1,
      errors: [{ at: 1, slot: 'A2', what: /CRC is wrong in the base block/ }],
      notReached: [{ what: 'B2', why: /does not answer/ }],
      modules: [
        {
          slot: 'A1',
          populated: true,
          type: 'DDR4 SDRAM',
          bytes: 64 * MiB,
          partNumber: 'NS-SIM-A1',
          crcOk: true,
        },
        { slot: 'A2', populated: true, crcOk: false },
        { slot: 'B1', populated: false },
        { slot: 'B2', populated: true, crcOk: undefined },
      ],
    },
  });
  t.match(await bench({ state: 'G3' }).check({ medium: 'spd' }), { refusal: { code: 'MEMORY_UNREACHABLE' } });
});

await t.test('storage: every bad sector and no good one, with one read per good piece', async (t) => {
  const image = new MemoryDevice('disk0', 4 * MiB);
  const bad = [0, 1, 2047, 2048, 5000, 8191];
  const device = new BadSectors(image, new Set(bad));
  const { check, progress } = bench({ device });
  const verdict = await check({ medium: 'storage' });
  t.match(verdict, {
    value: {
      covered: [{ start: 0, length: 8192 }],
      coveredBasisPoints: 10_000,
      errorCount: bad.length,
      notReached: [],
    },
  });
  t.same(verdict.ok && verdict.value.errors.map(({ at }) => at), bad);
  t.same(
    progress.map(({ done }) => done),
    [2048, 4096, 6144, 8192],
  );
  const part = await check({
    medium: 'storage',
    ranges: [
      { start: 5000, length: 10 },
      { start: 8000, length: 1000 },
    ],
  });
  t.match(part, {
    value: {
      covered: [
        { start: 5000, length: 10 },
        { start: 8000, length: 192 },
      ],
      coveredBasisPoints: 246,
      errorCount: 2,
      notReached: [
        { what: 'sectors 8192 to 8999', why: 'past the end of the disk' },
        { what: 'sectors 0 to 4999', why: 'not asked for' },
        { what: 'sectors 5010 to 7999', why: 'not asked for' },
      ],
    },
  });
});

await t.test('storage: a lease that ends is a failure, not a bad sector', async (t) => {
  const device = new MemoryDevice('disk0', MiB);
  device.read = async () => {
    throw new Error('the lease ended');
  };
  await t.rejects(bench({ device }).check({ medium: 'storage' }), { message: 'the lease ended' });
  t.match(await bench().check({ medium: 'storage' }), { refusal: { code: 'NO_SUCH_DISK' } });
});
