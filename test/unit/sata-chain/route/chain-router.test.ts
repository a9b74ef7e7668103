import { createHook } from 'node:async_hooks';
import fc from 'fast-check';
import t from 'tap';
import { AtaFault, ChainRouter, gatedTarget, type SataTarget } from '../../../../src/sata-chain/index.ts';
import { noise } from '../../../kit/noise.ts';
import { phantomOf, routerChain } from '../../../kit/router-chain.ts';

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? `${error.kind} ${error.lba}` : String(error)),
  );

type Command = {
  readonly verb: 'read' | 'write' | 'verify' | 'trim';
  readonly lba: number;
  readonly count: number;
};
const aCommand: fc.Arbitrary<Command> = fc.record({
  verb: fc.constantFrom('read', 'write', 'verify', 'trim'),
  lba: fc.nat(90),
  count: fc.nat(60),
});

await t.test('any chain, relative or absolute, is one flat disk, faults and all', async (t) => {
  let straddling = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.nat(20), { freq: 6 }), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('relative' as const, 'absolute' as const),
      fc.uniqueArray(fc.nat(90), { maxLength: 3 }),
      fc.array(aCommand, { maxLength: 20 }),
      async (sizes, mode, bad, commands) => {
        const units = sizes.map((size) => size ?? undefined);
        const { head, devices } = routerChain(units, mode);
        const total = units.reduce<number>((sum, size) => sum + (size ?? 0), 0);
        const flat = new Uint8Array(total * 512);
        let base = 0;
        for (const device of devices) {
          const own = device.capabilities.size / 512;
          for (const lba of bad) if (lba >= base && lba < base + own) device.bad.add(lba - base);
          if (base > 0 && commands.some(({ lba, count }) => lba < base && lba + count > base))
            straddling += 1;
          base += own;
        }
        for (const [i, { verb, lba, count }] of commands.entries()) {
          const end = lba + count;
          const firstBad = bad.filter((at) => at >= lba && at < end).toSorted((a, b) => a - b)[0];
          const medium = verb !== 'trim' && firstBad !== undefined;
          const expected =
            end > total ? `RANGE ${Math.max(lba, total)}` : medium ? `MEDIUM ${firstBad}` : 'done';
          const data = noise(count * 512, i + 1);
          const into = new Uint8Array(count * 512);
          const before = devices.map((device) => Buffer.from(device.bytes));
          const run: Record<Command['verb'], () => Promise<void>> = {
            read: () => head.read(lba, into),
            write: () => head.write(lba, data, false),
            verify: () => head.verify(lba, count),
            trim: () => head.trim([{ lba, count }]),
          };
          const seen =
            verb === 'trim' && firstBad !== undefined && end <= total ? expected : await endOf(run[verb]());
          if (seen !== expected && total > 0)
            throw new Error(`${verb} ${lba}+${count}: ${seen}, not ${expected}`);
          if (expected.startsWith('RANGE') && devices.some((device, d) => !before[d]!.equals(device.bytes))) {
            throw new Error('a command out of range changed something');
          }
          if (expected === 'done' && seen === 'done') {
            const at = flat.subarray(lba * 512, end * 512);
            if (verb === 'write') at.set(data);
            if (verb === 'trim' && firstBad === undefined) at.fill(0);
            if (verb === 'read' && !Buffer.from(into).equals(at)) throw new Error('other bytes');
          } else if (medium && verb === 'write') {
            // What a failed write leaves behind is open: take it over.
            flat.set(Buffer.concat(devices.map((device) => device.bytes)));
          }
        }
      },
    ),
    { numRuns: 400 },
  );
  t.comment(`figure: ${straddling} borders straddled`);
  t.ok(straddling > 100);
});

await t.test('a deep chain makes no more promises for a command than a short one', async (t) => {
  const promisesOf = async (depth: number, lba: number): Promise<number> => {
    const { head } = routerChain(Array.from({ length: depth }, () => 8));
    const into = new Uint8Array(512);
    const gate = gatedTarget(head, () => undefined);
    await gate.read(lba, into);
    let made = 0;
    const hook = createHook({
      init: (_id, type) => {
        if (type === 'PROMISE') made += 1;
      },
    }).enable();
    const under = gate.read(lba, into);
    hook.disable();
    await under;
    return made;
  };
  const shallow = await promisesOf(2, 8);
  const deep = await promisesOf(32, 31 * 8);
  t.comment(`figure: ${shallow} promises begun by a read 2 units deep, ${deep} by one 32 deep`);
  t.equal(deep, shallow);
});

await t.test('a chain of 256 units serves commands, a longer one aborts them all', async (t) => {
  const long = routerChain(Array.from({ length: 257 }, () => 1));
  const [head, second] = [long.routers[0]!, long.routers[1]!];
  t.equal((await head.identify()).sectors, 257);
  for (const [router, end] of [
    [head, 'ABORTED undefined'],
    [second, 'done'],
  ] as const) {
    t.equal(await endOf(router.read(255, new Uint8Array(512))), end);
    t.equal(await endOf(router.flush()), end);
    t.equal(await endOf(router.trim([{ lba: 0, count: 256 }])), end);
    t.equal(await endOf(router.smartStatus()), end);
    t.equal(await endOf(router.verify(0, 256)), end);
  }
});

await t.test(
  'flush and SMART ask all members; the first fault counts, and the others were asked',
  async (t) => {
    const { head, devices, drives } = routerChain([4, 4, undefined, 4]);
    await head.flush();
    t.same(
      devices.map((device) => device.calls.filter((call) => call.verb === 'flush').length),
      [1, 1, 0, 1],
    );
    t.equal(await head.smartStatus(), 'good');
    drives[3]!.tellHealth('failing');
    t.equal(await head.smartStatus(), 'failing');
    drives[3]!.tellHealth('good');
    t.equal(await head.smartStatus(), 'good');
    devices[1]!.flushFails = true;
    t.equal(await endOf(head.flush()), 'MEDIUM undefined');
    t.equal(devices[3]!.calls.filter((call) => call.verb === 'flush').length, 2);
  },
);

await t.test(
  'a member that does not answer keeps its place: its sectors fault, the others serve',
  async (t) => {
    const { head, drives, routers, devices } = routerChain([4, 4]);
    devices[1]!.bytes.fill(7);
    const below = { identity: phantomOf(routers[1]!), target: routers[1] };
    head.setMembers({ identity: drives[0]!.identity }, below);
    const into = new Uint8Array(512);
    t.equal(await endOf(head.read(0, into)), 'LINK undefined');
    t.equal(await endOf(head.read(4, into)), 'done');
    t.equal(into[0], 7);
    t.equal(await endOf(head.write(3, new Uint8Array(1024), false)), 'LINK undefined');
    t.equal(await endOf(head.flush()), 'LINK undefined');
    t.equal(await endOf(head.smartStatus()), 'LINK undefined');
    t.equal(await endOf(head.trim([{ lba: 0, count: 1 }])), 'LINK undefined');
    drives[1]!.tellHealth('failing');
    t.equal(await head.smartStatus(), 'failing');
    head.setMembers({ identity: drives[0]!.identity, target: drives[0] }, { identity: below.identity });
    t.equal(await endOf(head.read(4, into)), 'LINK undefined');
    t.equal(await endOf(head.read(3, into)), 'done');
  },
);

await t.test('members that cannot be one disk: every command is aborted until they change', async (t) => {
  const { head, drives, routers } = routerChain([4, 4]);
  const local = { identity: drives[0]!.identity, target: drives[0] };
  const below = { identity: phantomOf(routers[1]!), target: routers[1] };
  const merge = head.setMembers(local, { ...below, identity: { ...below.identity, sectorSize: 4096 } });
  t.match(merge, { ok: false, fault: 'sector-size' });
  for (const command of [
    head.read(0, new Uint8Array(512)),
    head.write(0, new Uint8Array(512), true),
    head.verify(0, 1),
    head.trim([{ lba: 0, count: 1 }]),
    head.flush(),
    head.smartStatus(),
    head.identify(),
  ]) {
    t.match(await endOf(command), /^ABORTED/);
  }
  t.ok(head.setMembers(local, below).ok);
  t.equal(await endOf(head.read(7, new Uint8Array(512))), 'done');
  t.equal((await head.identify()).sectors, 8);
});

await t.test(
  'a member that lies about its size fails beyond it, in the numbering of the caller',
  async (t) => {
    const { head, drives, routers, devices } = routerChain([4, 4]);
    const lie = { ...phantomOf(routers[1]!), sectors: 100 };
    head.setMembers(
      { identity: drives[0]!.identity, target: drives[0] },
      { identity: lie, target: routers[1] },
    );
    t.equal((await head.identify()).sectors, 104);
    t.equal(await endOf(head.read(7, new Uint8Array(512))), 'done');
    t.equal(await endOf(head.read(6, new Uint8Array(8 * 512))), 'RANGE 8');
    t.equal(await endOf(head.write(2, new Uint8Array(20 * 512).fill(1), false)), 'RANGE 8');
    t.ok(
      devices[1]!.bytes.every((byte) => byte === 0),
      'the part that fails by range is not written at all',
    );
  },
);

await t.test('a fault that names a sector outside its command is passed on without it', async (t) => {
  const liar = (lba: number): SataTarget => ({
    identify: () => Promise.reject(new Error('not asked')),
    read: () => Promise.reject(new AtaFault('MEDIUM', 'somewhere else', lba)),
    write: () => Promise.reject(new Error('not asked')),
    verify: () => Promise.reject(new Error('not asked')),
    trim: () => Promise.reject(new Error('not asked')),
    flush: () => Promise.reject(new Error('not asked')),
    smartStatus: () => Promise.reject(new Error('not asked')),
  });
  const identity = phantomOf(routerChain([8]).head);
  for (const [lba, seen] of [
    [2, 'MEDIUM 2'],
    [3, 'MEDIUM 3'],
    [1, 'MEDIUM undefined'],
    [4, 'MEDIUM undefined'],
    [-1, 'MEDIUM undefined'],
    [2.5, 'MEDIUM undefined'],
    [Number.NaN, 'MEDIUM undefined'],
  ] as const) {
    const router = new ChainRouter();
    router.setMembers({ identity, target: liar(lba) }, undefined);
    t.equal(await endOf(router.read(2, new Uint8Array(1024))), seen);
  }
});

await t.test('addresses and buffers that are no whole sectors are aborted', async (t) => {
  const { head } = routerChain([4, 4]);
  for (const [lba, length] of [
    [0.5, 512],
    [4.5, 512],
    [-1, 512],
    [Number.NaN, 512],
    [0, 100],
    [5, 100],
    [3, 700],
  ] as const) {
    t.match(await endOf(head.read(lba, new Uint8Array(length))), /^ABORTED/, `${length} bytes at ${lba}`);
  }
  t.equal(await endOf(head.verify(2 ** 53, 1)), 'ABORTED undefined');
  t.equal(await endOf(head.verify(2 ** 48, 2 ** 48)), `RANGE ${2 ** 48}`);
  t.equal(await endOf(head.read(8, new Uint8Array(0))), 'done');
});

await t.test('a window that the drive cannot fill is refused and changes nothing', async (t) => {
  const { head } = routerChain([4, 4]);
  for (const window of [
    { mode: 'absolute', base: 0, length: 5 },
    { mode: 'absolute', base: -1, length: 1 },
    { mode: 'absolute', base: 2 ** 48, length: 1 },
    { mode: 'relative', length: 5 },
    { mode: 'relative', length: 0.5 },
  ] as const) {
    t.throws(() => head.setWindow(window), { code: 'NS_CHAIN_WINDOW' });
  }
  t.equal((await head.identify()).sectors, 8);
  head.setWindow({ mode: 'relative', length: 3 });
  t.equal((await head.identify()).sectors, 7);
});

await t.test('a shut gate answers for the target, by whatever way the command comes', async (t) => {
  const { head, devices } = routerChain([4]);
  let shut: AtaFault | undefined = new AtaFault('ABORTED', 'shut');
  const gate = gatedTarget(head, () => shut);
  const all = (): Promise<unknown>[] => [
    gate.identify(),
    gate.read(0, new Uint8Array(512)),
    gate.write(0, new Uint8Array(512), false),
    gate.verify(0, 1),
    gate.trim([{ lba: 0, count: 1 }]),
    gate.flush(),
    gate.smartStatus(),
    gate.relay!.read(0, new Uint8Array(512)),
    gate.relay!.write(0, new Uint8Array(512), false),
    gate.relay!.verify(0, 1),
  ];
  for (const command of all()) t.equal(await endOf(command), 'ABORTED undefined');
  t.same(devices[0]!.calls, []);
  shut = undefined;
  for (const command of all()) t.equal(await endOf(command), 'done');
});
