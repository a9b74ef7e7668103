import t, { type Test } from 'tap';
import { openSerialLine } from '../../../src/adapters/serial-line.ts';
import { milliseconds, toHex } from '../../../src/base/index.ts';
import type { SerialLine } from '../../../src/ports/index.ts';
import { ptyPair } from '../../kit/chain-links.ts';
import { eventually } from '../../kit/eventually.ts';
import { noise } from '../../kit/noise.ts';

const never = new AbortController().signal;

async function cable(t: Test, buffer?: number) {
  const pty = await ptyPair();
  const options = { baudRate: 115_200, ...(buffer === undefined ? {} : { buffer }) };
  const [a, b] = await Promise.all(pty.paths.map((path) => openSerialLine(path, options)));
  t.teardown(async () => {
    await Promise.all([a!.close(), b!.close()]);
    await pty.unplug();
  });
  return { ...pty, a: a!, b: b! };
}

function collect(line: SerialLine): number[] {
  const bytes: number[] = [];
  line.onData((chunk) => void bytes.push(...chunk));
  return bytes;
}

await t.test('every byte value passes unchanged, both ways', async (t) => {
  const { a, b } = await cable(t);
  const [atA, atB] = [collect(a), collect(b)];
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  t.ok(a.write(all));
  t.ok(b.write(noise(5000, 3)));
  await eventually(() => atB.length === 256 && atA.length === 5000);
  t.equal(toHex(Uint8Array.from(atB)), toHex(all));
  t.equal(toHex(Uint8Array.from(atA)), toHex(noise(5000, 3)));
});

await t.test('the buffer is bounded: write says no, then there is room, and nothing is lost', async (t) => {
  const { a, b } = await cable(t, 1000);
  const atB = collect(b);
  t.ok(a.write(new Uint8Array(5000)), 'anything fits where nothing waits');
  t.notOk(a.write(new Uint8Array(1)));
  await a.room(never);
  t.ok(a.write(Uint8Array.of(1, 2, 3)));
  await a.drained(never);
  await eventually(() => atB.length === 5003);
  t.same(atB.slice(-3), [1, 2, 3]);
});

await t.test('the baud rate can be changed; what the line cannot do is NS_SERIAL', async (t) => {
  const { a, b } = await cable(t);
  await a.setBaudRate(9600);
  const atB = collect(b);
  a.write(Uint8Array.of(7));
  await eventually(() => atB.length === 1);
  // A pseudo terminal knows no break.
  await t.rejects(a.sendBreak(milliseconds(1)), { code: 'NS_SERIAL' });
  await t.rejects(a.sendBreak(milliseconds(1e9)), { code: 'NS_SERIAL', family: 'caller' });
});

await t.test('a line is opened once; one that is not there is NS_SERIAL', async (t) => {
  const { paths } = await cable(t);
  await t.rejects(openSerialLine(paths[0], { baudRate: 9600 }), { code: 'NS_SERIAL' });
  await t.rejects(openSerialLine('/nonexistent/tty', { baudRate: 9600 }), { code: 'NS_SERIAL' });
});

await t.test('a line that is pulled hangs up, once, also for who asks later', async (t) => {
  const lines = await cable(t);
  const { a, b } = lines;
  const reasons: string[] = [];
  a.onHangUp((reason) => reasons.push(reason));
  await lines.unplug();
  await eventually(() => reasons.length > 0);
  t.notOk(a.write(Uint8Array.of(1)));
  await a.room(never);
  await t.rejects(a.drained(never), { code: 'NS_SERIAL' });
  await a.close();
  const later: string[] = [];
  a.onHangUp((reason) => later.push(reason));
  t.same(later, reasons);
  t.equal(reasons.length, 1);
  await b.close();
});

await t.test('a line that is pulled while bytes are coming in hangs up every time', async (t) => {
  for (let round = 0; round < 12; round += 1) {
    const lines = await cable(t);
    const reasons: string[] = [];
    lines.a.onHangUp((reason) => reasons.push(reason));
    lines.b.write(noise(4000, round));
    await lines.unplug();
    await eventually(() => reasons.length === 1);
  }
  t.pass('12 times');
});

await t.test('close ends the line, and who waits for it', async (t) => {
  const { a } = await cable(t, 10);
  const abort = new AbortController();
  const reasons: string[] = [];
  a.onHangUp((reason) => reasons.push(reason));
  await a.close();
  await a.close();
  t.same(reasons, ['closed']);
  t.notOk(a.write(Uint8Array.of(1)));
  abort.abort(new Error('enough'));
  await t.rejects(a.room(abort.signal), { message: 'enough' });
});
