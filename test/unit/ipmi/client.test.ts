import t from 'tap';
import { VirtualClock } from '../../../src/adapters/sim/index.ts';
import { milliseconds, NsError, seconds } from '../../../src/base/index.ts';
import type { ChassisControl } from '../../../src/ipmi/commands/chassis-control.ts';
import { IpmiClient } from '../../../src/ipmi/index.ts';
import { type CannedAnswer, CannedCarrier, type CannedQuestion, hex } from '../../kit/canned-carrier.ts';

const NONE = new Uint8Array(0);
const UNKNOWN: CannedAnswer = [0xc1, NONE];

/** A machine whose power follows its orders a while later. */
class Machine {
  readonly clock = new VirtualClock();
  readonly orders: number[] = [];
  on: boolean;
  /** What an order brings about: after so many milliseconds the power is this. */
  effects: Readonly<Partial<Record<number, readonly (readonly [number, boolean])[]>>> = {
    0: [[1200, false]],
    1: [[1200, true]],
    2: [
      [700, false],
      [2700, true],
    ],
    5: [[20_000, false]],
  };
  /** Orders are obeyed, and their answers lost. */
  deaf = false;
  readonly carrier: CannedCarrier;
  readonly client: IpmiClient;

  constructor(on: boolean) {
    this.on = on;
    this.carrier = new CannedCarrier((question) => this.#answer(question));
    this.client = new IpmiClient({ carrier: this.carrier, clock: this.clock });
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.clock.settle(promise, seconds(300));
  }

  #answer({ netFn, command, data }: CannedQuestion): CannedAnswer {
    if (netFn === 0 && command === 1) return [0, Uint8Array.of(this.on ? 1 : 0, 0, 0)];
    if (netFn !== 0 || command !== 2) return UNKNOWN;
    this.orders.push(data[0]!);
    for (const [after, on] of this.effects[data[0]!] ?? []) {
      const due = this.clock.deadline(milliseconds(after), 'an effect');
      due.signal.addEventListener('abort', () => {
        this.on = on;
      });
    }
    if (this.deaf) throw new NsError('NS_IPMI_SILENT', 'no answer', { retryable: true });
    return [0, NONE];
  }
}

void t.test('a power order ends when the machine shows it', async (t) => {
  const rows: [ChassisControl, boolean, number][] = [
    ['on', false, 1],
    ['off', true, 0],
    ['soft', true, 5],
    ['cycle', true, 2],
    ['reset', true, 3],
    ['nmi', true, 4],
  ];
  for (const [action, on, order] of rows) {
    const machine = new Machine(on);
    const status = await machine.settle(machine.client.power(action));
    t.same(machine.orders, [order]);
    t.equal(status.powerOn, action !== 'off' && action !== 'soft', action);
  }
});

void t.test('what holds already is not ordered again', async (t) => {
  const machine = new Machine(true);
  await machine.settle(machine.client.power('on'));
  machine.on = false;
  await machine.settle(machine.client.power('off'));
  await machine.settle(machine.client.power('soft'));
  t.same(machine.orders, []);
});

void t.test('a machine that is off is not reset, but switched on where that is wanted', async (t) => {
  const machine = new Machine(false);
  await t.rejects(machine.settle(machine.client.power('reset')), {
    code: 'NS_IPMI_POWER',
    message: /is off/,
  });
  await t.rejects(machine.settle(machine.client.power('cycle')), { code: 'NS_IPMI_POWER' });
  t.same(machine.orders, []);
  t.ok((await machine.settle(machine.client.power('cycle', { onIfOff: true }))).powerOn);
  t.same(machine.orders, [1]);
});

void t.test('a machine that does not obey is an error after the time given', async (t) => {
  const machine = new Machine(true);
  machine.effects = {};
  await t.rejects(machine.settle(machine.client.power('off', { within: seconds(5) })), {
    code: 'NS_IPMI_POWER',
  });
  t.same(machine.orders, [0]);
  t.ok(machine.clock.monotonic() >= 5000 && machine.clock.monotonic() < 6000);
});

void t.test('an order whose answer is lost is never given twice; the state tells where it can', async (t) => {
  const machine = new Machine(true);
  machine.deaf = true;
  t.notOk((await machine.settle(machine.client.power('off'))).powerOn);
  t.same(machine.orders, [0]);
  const lost = new Machine(true);
  lost.deaf = true;
  lost.effects = {};
  await t.rejects(lost.settle(lost.client.power('off')), { code: 'NS_IPMI_SILENT' });
  await t.rejects(lost.settle(lost.client.power('reset')), { code: 'NS_IPMI_SILENT' });
  t.same(lost.orders, [0, 3]);
});

function client(answer: (question: CannedQuestion, count: number) => CannedAnswer) {
  const clock = new VirtualClock();
  const carrier = new CannedCarrier(answer);
  return { clock, carrier, client: new IpmiClient({ carrier, clock }) };
}

void t.test('boot flags are set under their mark, and the mark is taken away whatever happens', async (t) => {
  const bodies = (carrier: CannedCarrier): string[] =>
    carrier.asked.map((q) => Buffer.from(q.data).toString('hex'));
  const good = client(() => '');
  await good.client.setBootFlags({ device: 'pxe', efi: true });
  t.same(bodies(good.carrier), ['0001', '040101', '05a004000000', '0000']);
  const without = client(({ data }) => (data[0] === 5 ? '' : [0x80, NONE]));
  await without.client.setBootFlags({ device: 'none' });
  const refusing = client(({ data }) => (data[0] === 5 ? [0xcc, NONE] : ''));
  await t.rejects(refusing.client.setBootFlags({}), { code: 'NS_IPMI_COMPLETION', completion: 0xcc });
  t.equal(bodies(refusing.carrier).at(-1), '0000');
  const taken = client(() => [0x81, NONE]);
  await t.rejects(taken.client.setBootFlags({}), { completion: 0x81, message: /somebody else/ });
  t.same(bodies(taken.carrier), ['0001']);
});

void t.test('a log is erased when the BMC says so', async (t) => {
  const slow = client(({ command }, n) => (command === 0x42 ? '07 00' : n < 6 ? '00' : '01'));
  await slow.clock.settle(slow.client.clearSel(), seconds(60));
  t.match(slow.carrier.asked.at(-1)?.data, hex('0700434c5200'));
  const stuck = client(({ command }) => (command === 0x42 ? '07 00' : '00'));
  await t.rejects(stuck.clock.settle(stuck.client.clearSel(), seconds(60)), { code: 'NS_IPMI_SEL' });
});

void t.test('sensors are read with the repository kept, and with factors where they change', async (t) => {
  const record = (id: number, sensor: number, owner: number, linear: number): string =>
    `${id.toString(16).padStart(2, '0')}00510130 ${owner.toString(16)}00${sensor.toString(16)}0701 7f68 0101 0000 0000 0000 000100 ${linear.toString(16).padStart(2, '0')} 010000000000 00 000000 ff00 0000 0000 0000 0000 0000 00 c5${Buffer.from('Temp1').toString('hex')}`;
  const records = [
    record(1, 0x10, 0x20, 0),
    record(2, 0x11, 0x20, 0x70),
    record(3, 0x12, 0x2c, 0),
    record(4, 0x13, 0x20, 0),
  ];
  let added = 1;
  const rig = client(({ netFn, command, data }): CannedAnswer => {
    if (netFn === 0x0a && command === 0x20) return `5104 00 ffff 0${added}000000 00000000 02`;
    if (command === 0x22) return '01 00';
    if (netFn === 0x0a) {
      const index = Math.max(0, data[2]! - 1);
      const bytes = hex(records[index]!);
      const next = index + 1 < records.length ? [index + 2, 0] : [0xff, 0xff];
      return [0, Uint8Array.of(...next, ...bytes.subarray(data[4]!, data[4]! + data[5]!))];
    }
    if (command === 0x23) return '00 0a00 0000 00f0';
    return data[0] === 0x13 ? [0xcb, NONE] : '1e c0 00';
  });
  const now = await rig.client.sensors();
  t.match(
    now.map((each) => each.reading),
    [
      { is: 'value', value: 30, unit: 'degrees C' },
      { is: 'value', value: 30 },
      { is: 'none', why: 'elsewhere' },
      { is: 'none', why: 'refused', completion: 0xcb },
    ],
  );
  const first = rig.carrier.asked.length;
  await rig.client.sensors();
  t.equal(rig.carrier.asked.length - first, 5, 'one look at the repository, then the readings');
  added = 2;
  const second = rig.carrier.asked.length;
  await rig.client.sensors();
  t.ok(rig.carrier.asked.length - second > 10, 'a changed repository is read again');
});

void t.test('LAN parameters, users and cipher suites are gathered as far as the BMC has them', async (t) => {
  const { client: bmc } = client(({ command, data }): CannedAnswer => {
    if (command === 0x02) return data[1] === 3 ? '11 0a000007' : [0x80, NONE];
    if (command === 0x44) return data[1] === 2 ? '03 42 00 34' : data[1] === 1 ? '03 42 00 0f' : [0xcc, NONE];
    if (command === 0x46) return data[0] === 2 ? Buffer.from('admin').toString('hex') : '00';
    return data[2] === 0x80 ? `01 c003014181 c011034481 ${'00'.repeat(6)}` : '01';
  });
  t.same(await bmc.lan(), { ipAddress: { is: 'ipv4', address: '10.0.0.7' } });
  t.match(await bmc.users(), [{ id: 2, name: 'admin', access: { limit: 'administrator' } }]);
  t.same(
    (await bmc.cipherSuites()).map((suite) => suite.id),
    [3, 17],
  );
});
