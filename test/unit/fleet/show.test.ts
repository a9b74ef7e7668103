import t from 'tap';
import {
  EXIT,
  exitOfAll,
  exitOfOutcome,
  type OrderOutcome,
  outcomeJson,
  parsePlace,
  powerTrace,
  progressLine,
  RateMeter,
  showOutcome,
} from '../../../src/fleet/index.ts';
import type { Receipt } from '../../../src/protocol/index.ts';
import { clean } from '../../../src/show/index.ts';

const bytes = (n: number, value = 1): Uint8Array => new Uint8Array(n).fill(value);
const lock = { state: 'disabled' as const, version: 3, inForce: [] };

function receipt(change: Partial<Receipt> = {}): Receipt {
  return {
    v: 1,
    device: 'host1',
    boot: bytes(16),
    event: 'receipt',
    id: bytes(16, 2),
    verb: 'machine.disable',
    order: bytes(32, 3),
    issuer: bytes(8, 4),
    outcome: 'succeeded',
    power: [{ at: 0, state: 'S5', certain: true }],
    receivedAt: 1_790_000_000,
    tookMs: 12,
    seq: 1,
    prev: bytes(32, 0),
    ...change,
  };
}

function answered(change: Partial<Receipt> = {}, result?: unknown): OrderOutcome<'machine.disable'> {
  return {
    is: 'receipt',
    receipt: receipt({ ...change, result }),
    packet: bytes(1),
    result: result as never,
  };
}

await t.test('the power trace says whether the host stayed down', async (t) => {
  t.equal(powerTrace([{ at: 0, state: 'S5', certain: true }]), 'S5 throughout');
  t.equal(
    powerTrace([
      { at: 0, state: 'S5', certain: true },
      { at: 900, state: 'S5', certain: true },
    ]),
    'S5 throughout',
  );
  t.equal(
    powerTrace([
      { at: 0, state: 'S5', certain: true },
      { at: 12_000, state: 'S0', certain: true },
      { at: 20_000, state: 'S5', certain: false },
    ]),
    'S5 -> S0 at 12 s -> S5 (not certain) at 20 s',
  );
  t.equal(
    powerTrace([
      { at: 0, state: 'S5', certain: false },
      { at: 5, state: 'S5', certain: true },
    ]),
    'S5 (not certain) -> S5 at 5 ms',
  );
  t.equal(powerTrace([]), 'not recorded');
});

await t.test('a receipt shows its outcome, the gist and the power trace', async (t) => {
  t.same(showOutcome('machine.disable', answered({}, { lock, changed: true })), [
    'succeeded: disabled',
    'lock: disabled (version 3)',
    'in force: NOTHING',
    'power: S5 throughout',
  ]);
});

await t.test('a receipt of an order that two people gave names both', async (t) => {
  const asker = (name: string, person: string) => ({
    key: new Uint8Array(8),
    name,
    person,
    role: 'security',
  });
  const two = [asker('sam', 'Sam Miller'), asker('tess', 'tess')];
  const lines = showOutcome('machine.disable', answered({ askers: two }, { lock, changed: true }));
  t.ok(lines.includes('signed by: sam (Sam Miller) and tess'));
  const one = showOutcome('machine.disable', answered({ askers: two.slice(1) }, { lock, changed: true }));
  t.notOk(one.some((line) => line.startsWith('signed by')));
});

await t.test('a refusal shows code, sentence and remedy, from the receipt or before it', async (t) => {
  const refusal = { code: 'HOST_SUSPENDED', sentence: 'It is suspended.', remedy: 'Shut it down.' };
  const lines = ['refused HOST_SUSPENDED: It is suspended.', 'remedy: Shut it down.'];
  t.same(showOutcome('machine.disable', { is: 'rejected', refusal }), lines);
  t.same(showOutcome('machine.disable', answered({ outcome: 'refused', refusal })), [
    ...lines,
    'power: S5 throughout',
  ]);
});

await t.test('a failure shows its code; an unknown outcome is never dressed up', async (t) => {
  const failure = { code: 'NS_BLOCK_IO', sentence: 'The disk failed.' };
  t.same(showOutcome('machine.disable', answered({ outcome: 'unknown', failure })).slice(0, 2), [
    'unknown',
    'NS_BLOCK_IO: The disk failed.',
  ]);
});

await t.test('silence says what may still happen', async (t) => {
  const lines = showOutcome('machine.disable', {
    is: 'unreachable',
    sent: true,
    presence: 'offline',
    validUntil: undefined,
  });
  t.match(lines.join('\n'), /offline[\s\S]*does not expire/);
  t.match(
    showOutcome('io.list', { is: 'unreachable', sent: true, presence: undefined, validUntil: 0 }).join('\n'),
    /valid until 1970-01-01 00:00:00Z/,
  );
});

await t.test('nothing that a disk says can drive the terminal', async (t) => {
  t.equal(clean('a\u001b[2Jb\u202ec\td'), 'a\\u{1b}[2Jb\\u{202e}c\\u{9}d');
});

await t.test('exit codes tell refusal, failure and silence apart, and name a mixture', async (t) => {
  t.equal(exitOfOutcome(answered()), EXIT.done);
  t.equal(exitOfOutcome(answered({ outcome: 'refused' })), EXIT.refused);
  for (const outcome of ['failed', 'cancelled', 'expired', 'unknown'] as const) {
    t.equal(exitOfOutcome(answered({ outcome })), EXIT.failed);
  }
  t.equal(exitOfOutcome({ is: 'rejected', refusal: { code: '', sentence: '', remedy: '' } }), EXIT.refused);
  t.equal(exitOfOutcome({ is: 'no-answer', stage: undefined }), EXIT.unreachable);
  t.equal(exitOfOutcome({ is: 'conflict', receipt: receipt() }), EXIT.failed);
  t.equal(exitOfAll([]), 0);
  t.equal(exitOfAll([3, 3]), 3);
  t.equal(exitOfAll([0, 3]), EXIT.mixed);
  t.equal(exitOfAll([5, 3]), EXIT.mixed);
});

await t.test('a JSON line has the version, the host, and bytes in hexadecimal digits', async (t) => {
  const line = JSON.parse(outcomeJson('host1', 'machine.disable', answered({}, { lock, changed: true })));
  t.match(line, {
    v: 1,
    host: 'host1',
    verb: 'machine.disable',
    outcome: 'succeeded',
    id: '02'.repeat(16),
    result: { changed: true },
    power: [{ at: 0, state: 'S5', certain: true }],
  });
});

await t.test('the progress line fits its width and says 100 % only of the whole', async (t) => {
  const meter = new RateMeter();
  t.equal(meter.rate, undefined);
  meter.add(0, 0);
  meter.add(1000, 1_048_576);
  t.equal(meter.rate, 1_048_576);
  const line = progressLine('get', { done: 999_999, total: 1_000_000 }, meter.rate, 80);
  t.match(line, / 99 %/);
  t.ok(line.length < 80);
  t.match(progressLine('get', { done: 5, total: 5 }, undefined, 80), /100 %/);
  for (const width of [0, 1, 10, 40, 200]) {
    t.ok(progressLine('label', { done: 1, total: 3 }, 1, width).length <= width);
  }
});

await t.test('a place on a host is a path, with a volume where named', async (t) => {
  t.same(parsePlace('/etc/fstab'), { path: '/etc/fstab' });
  t.same(parsePlace('disk0p2:/etc'), { volume: 'disk0p2', path: '/etc' });
  t.same(parsePlace('/odd:/name'), { path: '/odd:/name' });
  for (const text of ['etc', 'disk0p2:etc', ':/x', ''])
    t.throws(() => parsePlace(text), { code: 'NS_USAGE' });
});
