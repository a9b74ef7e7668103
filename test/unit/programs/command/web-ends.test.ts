import t from 'tap';
import { knownKeys, type OrderEvent, type OrderOutcome } from '../../../../src/fleet/index.ts';
import { endOf, faultOf, leftOf, progressText } from '../../../../src/programs/command/web-ends.ts';

const keys = knownKeys({ devices: new Map(), people: [], tenant: 'acme' }, [], []);
const sent = { host: 'rack1', verb: 'file.delete' as const, packet: new Uint8Array([1]) };
const end = (outcome: OrderOutcome) => endOf(sent, outcome, keys, {}).end;
const why = { code: 'HOST_ON', sentence: 'On.\u001b[2J', remedy: 'Off.\u202e' };

await t.test('each way of ending is told apart, and none as more than it is', async (t) => {
  t.match(end({ is: 'rejected', refusal: why }), {
    is: 'refused',
    code: 'HOST_ON',
    sentence: 'On.\\u{1b}[2J',
    remedy: 'Off.\\u{202e}',
  });
  const id = new Uint8Array(16).fill(10);
  const staged = end({ is: 'staged', id, waits: why, leftSeconds: 60 });
  t.match(staged, { is: 'staged', code: 'HOST_ON', lines: [/^staged as 0a0a/, /waits for HOST_ON/] });
  t.match(staged.lines.at(-1), `nightshift receipt rack1 ${'0a'.repeat(16)}`);
  t.match(end({ is: 'no-answer', stage: 'writing' }), {
    is: 'no-answer',
    sentence: /fell silent at "writing"/,
  });
  const away = end({ is: 'unreachable', sent: true, presence: 'offline', validUntil: 1_700_000_000 });
  t.match(away, { is: 'unreachable', lines: [/the device is offline/, /may still obey it/] });
  t.match(faultOf('rack1', new Error('no\u001b way')), {
    is: 'not-sent',
    lines: ['not sent: no\\u{1b} way'],
  });
  t.match(leftOf('rack1'), { is: 'no-answer', sentence: /not known here/ });
});

await t.test('a receipt by a key that is not known is not called good', async (t) => {
  const receipt = { outcome: 'succeeded', seq: 3, power: [], verb: 'file.delete' } as never;
  const { end: ended, receipt: bytes } = endOf(
    sent,
    { is: 'receipt', receipt, packet: new Uint8Array([2]), result: undefined },
    keys,
    {},
  );
  t.match(ended, { is: 'succeeded', receipt: { file: 'rack1-3.receipt', verdict: 'not checked' } });
  t.match(ended.receipt?.lines, ['rack1-3.receipt', /DEVICE_UNKNOWN/]);
  t.ok(bytes instanceof Uint8Array);
});

await t.test('progress is a line, whatever a device calls it', async (t) => {
  const id = new Uint8Array(16);
  const text = (event: object): string => progressText({ id, seq: 1, ...event } as unknown as OrderEvent);
  t.equal(text({ event: 'progress', stage: 'a\nb', done: 1, total: 3 }), 'a\\u{a}b: 33 %, 1 B of 3 B');
  t.equal(
    text({ event: 'progress', stage: 'x', done: 2, total: 0, unit: 'blocks' }),
    'x: 2 blocks of 0 blocks',
  );
  t.equal(text({ event: 'progress', stage: 'x', done: 0, sample: 21 }), 'sample 21');
  t.match(text({ event: 'staged', waits: why, leftSeconds: 1 }), /waits for HOST_ON: On\.\\u\{1b\}/);
});
