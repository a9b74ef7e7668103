import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Qmp } from '../../../../src/adapters/qemu-host/qmp.ts';
import {
  LONGEST_QMP_LINE,
  parseQmpMessage,
  QmpLines,
} from '../../../../src/adapters/qemu-host/qmp-messages.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { milliseconds, NsError } from '../../../../src/base/index.ts';
import { scratch } from '../../../kit/disk-tools.ts';
import { eventually } from '../../../kit/eventually.ts';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": []}}\r\n';

interface Asked {
  readonly execute: string;
  readonly arguments: Record<string, unknown>;
  readonly id: string;
}

type Obey = (asked: Asked, socket: Socket) => void;

const answer = (socket: Socket, id: string, value: unknown = {}): void =>
  void socket.write(`${JSON.stringify({ return: value, id })}\r\n`);

/** A monitor of our own making; what it does beyond agreeing to talk is up to `obey`. */
async function fakeQemu(path: string, obey: Obey, greeting = GREETING) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let rest = '';
    socket.on('data', (bytes) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const asked = JSON.parse(line) as Asked;
        if (asked.execute === 'qmp_capabilities') answer(socket, asked.id);
        else obey(asked, socket);
      }
    });
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    say: (text: string) => sockets.forEach((socket) => void socket.write(text)),
    end: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

async function bench(t: Test, obey: Obey = ({ id }, socket) => answer(socket, id), greeting?: string) {
  const { dir, remove } = await scratch();
  const path = join(dir, 'qmp.sock');
  const qemu = await fakeQemu(path, obey, greeting);
  const qmp = new Qmp({
    path,
    clock: systemClock,
    log: { log: () => {} },
    patience: milliseconds(300),
    retry: milliseconds(10),
  });
  t.teardown(async () => {
    await qemu.end();
    await qmp.close();
    await remove();
  });
  await qmp.start();
  return { path, qemu, qmp };
}

await t.test(
  'answers find their questions in whatever order, and events are told between them',
  async (t) => {
    const held: Asked[] = [];
    const { qmp, qemu } = await bench(t, (asked, socket) => {
      held.push(asked);
      if (held.length < 3) return;
      socket.write('{"event": "STOP", "data": {"a": 1}, "timestamp": {}}\r\n');
      for (const { id, execute } of held.reverse()) answer(socket, id, execute);
    });
    const events: unknown[] = [];
    const stop = qmp.onEvent((event) => events.push(event));
    t.same(await Promise.all(['a', 'b', 'c'].map((name) => qmp.execute(name))), ['a', 'b', 'c']);
    t.same(events, [{ event: 'STOP', data: { a: 1 } }]);
    stop();
    qemu.say('{"event": "RESUME"}\r\n');
    t.equal(qmp.state, 'up');
  },
);

await t.test('a refusal has its reason, and a question without an answer its end', async (t) => {
  const { qmp } = await bench(t, ({ id, execute }, socket) => {
    if (execute !== 'silence') {
      socket.write(`${JSON.stringify({ id, error: { class: 'GenericError', desc: 'not today' } })}\n`);
    }
  });
  await t.rejects(qmp.execute('cont'), { code: 'NS_QMP_REFUSED', message: /cont: not today/ });
  await t.rejects(qmp.execute('silence'), { code: 'NS_DEADLINE' });
  const abort = new AbortController();
  const asked = qmp.execute('silence', {}, abort.signal);
  abort.abort(new NsError('NS_INTERRUPTED', 'enough'));
  await t.rejects(asked, { code: 'NS_INTERRUPTED' });
  await t.rejects(qmp.execute('cont', {}, abort.signal), { code: 'NS_INTERRUPTED' });
  t.equal(qmp.state, 'up', 'one slow answer is no reason to leave');
});

await t.test('a QEMU that ends in the middle of an answer is gone, and its successor is found', async (t) => {
  const { path, qmp, qemu } = await bench(t, ({ id }, socket) => {
    socket.write(`{"return": {"status": "run`, () => socket.destroy());
    void id;
  });
  await t.rejects(qmp.execute('query-status'), { code: 'NS_QMP' });
  await qemu.end();
  await eventually(() => qmp.state === 'gone');
  await t.rejects(qmp.execute('query-status'), { code: 'NS_QMP_GONE' });
  const next = await fakeQemu(path, ({ id }, socket) => answer(socket, id, { status: 'prelaunch' }));
  t.teardown(() => next.end());
  await eventually(() => qmp.state === 'up');
  t.same(await qmp.execute('query-status'), { status: 'prelaunch' });
});

await t.test('somebody listens and does not greet: nothing is known, which is not "gone"', async (t) => {
  const { qmp } = await bench(t, undefined, ' ');
  t.equal(qmp.state, 'mute');
  await t.rejects(qmp.execute('query-status'), { code: 'NS_QMP' });
});

for (const [what, line] of [
  ['no JSON', '{"return": \n'],
  ['no object', '[1, 2]\n'],
  ['neither greeting, answer nor event', '{"hello": 1}\n'],
  ['a line without an end', 'x'.repeat(LONGEST_QMP_LINE + 70_000)],
] as const) {
  await t.test(`a monitor that sends ${what} is hung up on`, async (t) => {
    const { qmp, qemu } = await bench(t, () => qemu.say(line));
    const states: string[] = [];
    qmp.onState((state) => states.push(state));
    await t.rejects(qmp.execute('query-status'), { code: 'NS_QMP_PROTOCOL' });
    await eventually(() => states.at(-1) === 'up');
    t.same(states, ['mute', 'up'], 'and tried again');
  });
}

await t.test(
  'a flood of events is passed on in order, and questions are answered all the same',
  async (t) => {
    const { qmp, qemu } = await bench(t);
    let heard = 0;
    qmp.onEvent(({ data }) => {
      if (data.n === heard) heard += 1;
    });
    qemu.say(
      Array.from({ length: 20_000 }, (_, n) => `{"event": "RESET", "data": {"n": ${n}}}\r\n`).join(''),
    );
    t.same(await qmp.execute('query-status'), {});
    await eventually(() => heard === 20_000);
  },
);

await t.test('too many questions at once are turned away', async (t) => {
  const { qmp } = await bench(t, () => {});
  const asked = Array.from({ length: 65 }, () =>
    qmp.execute('silence').catch((error: NsError) => error.code),
  );
  t.equal(await asked.at(-1), 'NS_QMP');
  t.same(new Set(await Promise.all(asked.slice(0, -1))), new Set(['NS_DEADLINE']));
});

await t.test('a QEMU that hangs for long is not written to without end', async (t) => {
  const { qmp } = await bench(t, (_asked, socket) => void socket.pause());
  const long = 'x'.repeat(50_000);
  const codes = new Set<string>();
  for (let round = 0; round < 30; round += 1) {
    const given = AbortSignal.timeout(5);
    codes.add(
      await qmp.execute('a', { long }, given).then(
        () => 'answered',
        (error: NsError) => error.code ?? 'given up',
      ),
    );
  }
  t.ok(codes.has('NS_QMP'), [...codes].join(', '));
});

await t.test('whatever text comes, lines are messages or NS_QMP_PROTOCOL', async () => {
  const isOurs = (act: () => unknown): boolean => {
    try {
      act();
      return true;
    } catch (error) {
      return error instanceof NsError && error.code === 'NS_QMP_PROTOCOL';
    }
  };
  fc.assert(fc.property(fc.json(), (text) => isOurs(() => parseQmpMessage(text))));
  fc.assert(fc.property(fc.string(), (text) => isOurs(() => parseQmpMessage(text))));
  fc.assert(
    fc.property(fc.array(fc.string()), (pieces) => {
      const lines = new QmpLines();
      const cut = pieces.flatMap((piece) => lines.push(piece));
      const whole = pieces.join('').split('\n').slice(0, -1);
      return JSON.stringify(cut) === JSON.stringify(whole.filter((line) => line.trim() !== ''));
    }),
  );
});
