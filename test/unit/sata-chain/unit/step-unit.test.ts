import fc from 'fast-check';
import t from 'tap';
import {
  CSI,
  type Found,
  hostIsServed,
  judge,
  type Level,
  newUnit,
  type Port,
  PTTRSM_ROWS,
  readRegisters,
  SCONTROL,
  stepUnit,
  type TimerSlot,
  UNIT_TIMINGS,
  type Unit,
  type UnitInput,
  type UnitOrder,
  type UnitOutput,
  type UnitRecord,
} from '../../../../src/sata-chain/index.ts';

const RECORD: UnitRecord = { unit: '0123456789abcdef', locked: false, epoch: 7 };
const found = (serial: string, sectors: number, extra: Partial<Found> = {}): Found => ({
  serial,
  sectors,
  sectorSize: 512,
  units: 1,
  membership: `${serial}${sectors}`.padEnd(16, '0'),
  chain: undefined,
  before: undefined,
  degraded: false,
  ...extra,
});

function feed(unit: Unit, ...inputs: UnitInput[]): { readonly unit: Unit; readonly outputs: UnitOutput[] } {
  const outputs: UnitOutput[] = [];
  let state = unit;
  for (const input of inputs) {
    const step = stepUnit(state, input, UNIT_TIMINGS);
    state = step.state;
    outputs.push(...step.outputs);
  }
  return { unit: state, outputs };
}

const level = (port: Port, ...levels: Level[]): UnitInput[] =>
  levels.map((level) => ({ is: 'level', port, level }));
const fire = (timer: TimerSlot): UnitInput => ({ is: 'timer', timer });
const ON: UnitInput = { is: 'power', on: true, record: RECORD };

/** A device at a host port, from COMRESET to PhyRdy. */
const deviceUp = (port: 'ddi' | 'pto'): UnitInput[] => [
  fire(port),
  ...level(port, 'COMINIT', 'idle'),
  fire(port),
  ...level(port, 'COMWAKE', 'ALIGN3', 'SYNC3'),
];
/** A host at PTI, from COMRESET to PhyRdy. */
const hostUp: UnitInput[] = [
  ...level('pti', 'COMINIT', 'idle'),
  fire('pti'),
  ...level('pti', 'COMWAKE', 'idle'),
  fire('pti'),
  ...level('pti', 'ALIGN3', 'SYNC3'),
];
const drive = found('DRIVE', 100);
const alone: UnitInput[] = [
  ...deviceUp('ddi'),
  { is: 'signature', port: 'ddi' },
  { is: 'identity', port: 'ddi', found: drive },
  fire('below'),
];

const signs = (outputs: readonly UnitOutput[]) => outputs.filter(({ is }) => is === 'signature').length;

await t.test('power on raises the epoch, writes it down, and runs all ports', async (t) => {
  const { unit, outputs } = feed(newUnit(RECORD), ON);
  t.equal(unit.t.state, 'T1');
  t.match(
    outputs.find(({ is }) => is === 'persist'),
    { record: { epoch: 8 } },
  );
  t.same([unit.pti.line, unit.pto.line, unit.ddi.line], ['run', 'run', 'run']);
});

await t.test('the signature waits for the members, for the link above, and for the record', async (t) => {
  const begun = feed(newUnit(RECORD), ON, ...hostUp, ...alone);
  t.equal(begun.unit.t.state, 'T3');
  t.equal(signs(begun.outputs), 0, 'the membership is not durable yet');
  const saved = feed(begun.unit, { is: 'saved' });
  t.equal(saved.unit.t.state, 'T4');
  t.equal(signs(saved.outputs), 1);
  const hostless = feed(newUnit(RECORD), ON, ...alone, { is: 'saved' });
  t.equal(hostless.unit.t.state, 'T3');
  t.equal(signs(feed(hostless.unit, ...hostUp).outputs), 1);
});

await t.test('a locked unit is silent from the first moment of power', async (t) => {
  const locked = { ...RECORD, locked: true };
  const { unit, outputs } = feed(
    newUnit(locked),
    { is: 'power', on: true, record: locked },
    ...hostUp,
    ...alone,
  );
  t.equal(unit.t.state, 'T7');
  t.same(
    outputs.filter(({ is }) => is === 'transmit' || is === 'signature' || is === 'start'),
    [],
  );
});

await t.test('loss of power leaves nothing but the record', async (t) => {
  const { unit } = feed(newUnit(RECORD), ON, ...hostUp, ...alone, { is: 'saved' });
  const off = feed(unit, { is: 'power', on: false });
  t.ok(off.outputs.some(({ is }) => is === 'abort'));
  for (const port of ['pti', 'pto', 'ddi'] as const) t.equal(off.unit[port].sent, 'idle');
  t.same(off.unit.t.record.membership?.local, { serial: 'DRIVE', sectors: 100, sectorSize: 512 });
  t.notOk(Object.values(off.unit.t.timers).some(Boolean));
  t.equal(readRegisters(off.unit).presentedSectors, 0);
});

await t.test('an answer of a port that nobody asked is not heard', async (t) => {
  const { unit } = feed(newUnit(RECORD), ON, ...deviceUp('ddi'));
  const after = feed(unit, { is: 'identity', port: 'ddi', found: drive });
  t.equal(after.unit.t.local.is, 'waiting');
});

await t.test('the registers tell what the states mean', async (t) => {
  const { unit } = feed(newUnit(RECORD), ON, ...hostUp, ...alone, { is: 'saved' });
  const registers = readRegisters(unit);
  const csi = CSI.decode(registers.csi);
  t.ok(csi.upPhy && csi.endOfChain && !csi.held && !csi.degraded);
  t.equal(csi.speedUp, 3);
  t.same([registers.sectors, registers.serial, registers.presentedSectors], [100, 'DRIVE', 100]);
});

await t.test(
  'a drive that nobody can identify holds a new chain back, and an operator may go without it',
  async (t) => {
    const seen = feed(newUnit(RECORD), ON, ...hostUp, ...deviceUp('ddi'), fire('below'), { is: 'saved' });
    const held = feed(seen.unit, fire('local'));
    t.same([held.unit.t.state, held.unit.t.missing], ['T2H', 'local']);
    const agreed = feed(held.unit, { is: 'order', order: 'go-degraded' }, { is: 'saved' });
    t.equal(agreed.unit.t.state === 'T3' || agreed.unit.t.state === 'T4', true);
    t.equal(agreed.unit.t.record.degraded, true);
  },
);

await t.test('SControl resets, silences, caps and denies as a driver expects', async (t) => {
  const { unit } = feed(newUnit(RECORD), ON, ...hostUp, ...alone, { is: 'saved' });
  const write = (from: Unit, port: Port, fields: Parameters<typeof SCONTROL.encode>[0]) =>
    feed(from, { is: 'scontrol', port, value: SCONTROL.encode(fields) }).unit;
  const reset = write(unit, 'ddi', { det: 1 });
  t.same([reset.ddi.state, reset.ddi.sent, reset.ddi.timer, reset.t.state], ['HP1', 'COMINIT', null, 'T5']);
  const released = write(reset, 'ddi', { det: 0, spd: 1 });
  t.equal(released.ddi.state, 'HP2');
  const slow = feed(
    released,
    ...level('ddi', 'COMINIT', 'idle'),
    fire('ddi'),
    ...level('ddi', 'COMWAKE', 'ALIGN3'),
  );
  t.equal(slow.unit.ddi.state, 'HP6', 'the cap does not hear a faster rate');
  t.equal(feed(slow.unit, ...level('ddi', 'ALIGN1', 'SYNC1')).unit.ddi.rate, 1);
  const off = write(unit, 'pto', { det: 4 });
  t.equal(readRegisters(off).pto.sstatus, 4);
  t.equal(write(off, 'pto', { det: 0 }).pto.state, 'HP1');
  t.equal(write(unit, 'pti', { det: 4 }).pti.line, 'run', 'PTI is silent when PTTRSM says so, and only then');
  const denied = write(unit, 'pti', { ipm: 3 });
  t.equal(feed(denied, ...level('pti', 'PMREQ_S')).unit.pti.sent, 'PMNAK');
  t.equal(readRegisters(denied).pti.scontrol, 0x300);
  const asleep = write(unit, 'ddi', { spm: 1 });
  t.equal(asleep.ddi.sent, 'PMREQ_P');
  t.equal(readRegisters(asleep).ddi.scontrol, 0);
});

await t.test('a port that SControl holds stays held, and a disabled unit stays silent', async (t) => {
  const { unit } = feed(newUnit(RECORD), ON, ...hostUp, ...alone, { is: 'saved' });
  const det = (from: Unit, value: number) =>
    feed(from, { is: 'scontrol', port: 'ddi', value: SCONTROL.encode({ det: value }) }).unit;
  for (const value of [1, 4]) {
    const held = det(unit, value);
    const { line, sent, timer } = held.ddi;
    const disabled = feed(held, { is: 'order', order: 'disable' }, { is: 'saved' }).unit;
    t.equal(disabled.t.state, 'T7');
    t.same(det(disabled, 0).ddi.sent, 'idle', 'silent, whatever is written');
    const enabled = feed(disabled, { is: 'order', order: 'enable' }, { is: 'saved' }).unit;
    t.equal(enabled.t.state, 'T1');
    t.match(enabled.ddi, { line, sent, timer }, `DET ${value} outlives disabling`);
    const again = feed(held, { is: 'order', order: 'resync' }).unit;
    t.match(again.ddi, { line, sent, timer }, `DET ${value} outlives a reset by PTTRSM`);
    t.equal(det(enabled, 0).ddi.line, 'run');
  }
});

const LEVELS: Level[] = [
  'idle',
  'COMINIT',
  'COMWAKE',
  'ALIGN1',
  'ALIGN3',
  'SYNC1',
  'SYNC3',
  'PMREQ_P',
  'PMACK',
];
const PORTS: Port[] = ['pti', 'pto', 'ddi'];
const ORDERS: UnitOrder[] = ['own', 'hand-back', 'disable', 'enable', 'go-degraded', 'resync'];
const SLOTS: TimerSlot[] = [
  ...PORTS,
  'local',
  'below',
  'hold',
  'hand back',
  'resync',
  'pace',
  'calm',
  'resets',
];
const founds = [
  drive,
  found('DRIVE', 101),
  found('OTHER', 100),
  found('BELOW', 300, { units: 2 }),
  undefined,
];
const port = fc.constantFrom<'ddi' | 'pto'>('ddi', 'pto');
const anyInput: fc.Arbitrary<UnitInput> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constant('level' as const),
      port: fc.constantFrom(...PORTS),
      level: fc.constantFrom(...LEVELS),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ is: fc.constant('timer' as const), timer: fc.constantFrom(...SLOTS) }),
  },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('signature' as const), port }) },
  {
    weight: 3,
    arbitrary: fc.record({ is: fc.constant('identity' as const), port, found: fc.constantFrom(...founds) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('order' as const), order: fc.constantFrom(...ORDERS) }),
  },
  { weight: 3, arbitrary: fc.constantFrom<UnitInput>({ is: 'saved' }, { is: 'flushed' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant('scontrol' as const),
      port: fc.constantFrom(...PORTS),
      value: fc.integer({ min: 0, max: 0xfffff }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<UnitInput>({ is: 'power', on: false }, ON) },
);
const chunk: fc.Arbitrary<readonly UnitInput[]> = fc.oneof(
  { weight: 6, arbitrary: anyInput.map((input) => [input]) },
  { weight: 1, arbitrary: fc.constant(hostUp) },
  { weight: 1, arbitrary: fc.constant(alone) },
  { weight: 1, arbitrary: fc.constant(deviceUp('pto')) },
);

await t.test(
  'whatever comes in, nothing is served that was not judged whole, durable and unlocked',
  async () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(chunk, { maxLength: 40 }), (locked, chunks) => {
        let unit = newUnit({ ...RECORD, locked });
        let memory: UnitRecord = { ...RECORD, locked };
        for (const input of chunks.flat()) {
          const given = input.is === 'power' && input.on ? { ...input, record: memory } : input;
          const { state, outputs } = stepUnit(unit, given, UNIT_TIMINGS);
          for (const output of outputs) {
            if (output.is === 'persist') memory = output.record;
            if (output.is === 'transmit' && output.level !== 'idle' && state.t.state === 'T7')
              throw new Error('T7 speaks');
            if (output.is === 'signature' && state.t.unsaved)
              throw new Error('signed before the record was durable');
          }
          const served = hostIsServed(state.t);
          if (served && judge(state.t.record, state.t.local, state.t.below).is !== 'same') {
            const known = [state.t.local.is, state.t.below.is];
            if (!known.some((is) => is === 'unknown' || is === 'waiting' || is === 'asked'))
              throw new Error('served what is not whole');
          }
          if (served && state.t.uses.local && state.t.local.is !== 'known')
            throw new Error('served without its drive');
          if (hostIsServed(unit.t) && !served && !outputs.some(({ is }) => is === 'abort'))
            throw new Error('no abort');
          for (const each of PORTS) {
            if (state[each].line === 'off' && state[each].sent !== 'idle')
              throw new Error('speaks without power');
          }
          unit = state;
        }
      }),
      { seed: 70, numRuns: 1500 },
    );
  },
);

await t.test('the same input to the same state gives the same step, and changes neither', async () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
      let unit = newUnit(RECORD);
      for (const input of chunks.flat()) {
        const copy = structuredClone(unit);
        const once = stepUnit(unit, input, UNIT_TIMINGS);
        const twice = stepUnit(copy, input, UNIT_TIMINGS);
        if (JSON.stringify(once) !== JSON.stringify(twice)) throw new Error('not a function');
        if (JSON.stringify(unit) !== JSON.stringify(copy)) throw new Error('changed its argument');
        unit = once.state;
      }
    }),
    { seed: 71, numRuns: 100 },
  );
});

await t.test('every state of PTTRSM is entered and left by some row', async (t) => {
  const left = new Set(PTTRSM_ROWS.flatMap(({ from }) => from));
  const entered = new Set(PTTRSM_ROWS.map(({ to }) => to));
  for (const state of ['T1', 'T2', 'T2H', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8', 'T9'] as const) {
    t.ok(left.has(state) && entered.has(state), state);
  }
});
