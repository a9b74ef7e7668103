import fc from 'fast-check';
import t from 'tap';
import { concatBytes, equalBytes, milliseconds, seconds, utf8 } from '../../../../src/base/index.ts';
import {
  type SolEvent,
  type SolState,
  type SolTerms,
  solDue,
  solEndpoint,
  solRoom,
  solStep,
} from '../../../../src/ipmi/sol/endpoint.ts';
import { SOL_NACK, SOL_OPERATION, type SolPacket } from '../../../../src/ipmi/sol/packet.ts';

const terms: SolTerms = {
  most: 8,
  queue: 64,
  first: milliseconds(100),
  longest: milliseconds(400),
  total: seconds(3),
  breath: milliseconds(20),
  stall: seconds(5),
};
const NONE = new Uint8Array(0);
const ack = (acked: number, accepted: number, flags = 0): SolPacket => ({
  number: 0,
  acked,
  accepted,
  flags,
  characters: NONE,
});
const data = (number: number, text: string, flags = 0): SolPacket => ({
  number,
  acked: 0,
  accepted: 0,
  flags,
  characters: utf8(text),
});

/** One end, driven by hand. */
function end(over: Partial<SolTerms> = {}) {
  let state = solEndpoint({ ...terms, ...over });
  const act = (event: SolEvent, at: number) => {
    const step = solStep(state, event, milliseconds(at));
    state = step.state;
    return step;
  };
  return {
    act,
    write: (text: string, at: number) => act({ is: 'write', bytes: utf8(text) }, at).send,
    hear: (packet: SolPacket, at: number, room = 1000, hold = false) =>
      act({ is: 'packet', packet, room, hold }, at),
    time: (at: number) => act({ is: 'time' }, at).send,
    state: () => state,
  };
}
const text = (packets: readonly SolPacket[]): string[] =>
  packets.map(({ number, characters }) => `${number}:${Buffer.from(characters).toString()}`);

void t.test(
  'one packet is under way; what is written meanwhile leaves together, under the next number',
  (t) => {
    const one = end();
    t.same(text(one.write('ab', 0)), ['1:ab']);
    t.same(one.write('c', 1), []);
    t.same(one.write('defghijkl', 2), []);
    t.same(text(one.hear(ack(1, 2), 3).send), ['2:cdefghij'], 'as many as fit');
    t.same(one.hear(ack(1, 2), 4).send, [], 'said twice');
    t.same(text(one.hear(ack(2, 8), 5).send), ['3:kl']);
    t.equal(solDue(one.hear(ack(3, 2), 6).state), undefined, 'nothing is left to do');
    t.end();
  },
);

void t.test('numbers go from 15 to 1', (t) => {
  const one = end();
  for (let n = 1; n <= 16; n += 1) {
    const number = n === 16 ? 1 : n;
    t.same(text(one.write('x', n)), [`${number}:x`]);
    one.hear(ack(number, 1), n);
  }
  t.end();
});

void t.test('what was not taken leaves under the next number, after a breath', (t) => {
  const one = end();
  one.write('abcdef', 0);
  one.write('gh', 1);
  t.same(one.hear(ack(1, 4, SOL_NACK), 2).send, []);
  t.same(one.time(3), []);
  t.same(text(one.time(22)), ['2:efgh']);
  one.hear(ack(2, 0, SOL_NACK), 30);
  t.same(text(one.time(50)), ['3:efgh']);
  t.end();
});

void t.test('an end that takes nothing for too long is a fault, and one that takes a little is none', (t) => {
  const one = end();
  one.write('abcdefgh', 0);
  let number = 1;
  const refuse = (at: number, accepted: number) => {
    one.hear(ack(number, accepted, SOL_NACK), at);
    number = one.time(at + 20)[0]?.number ?? 0;
  };
  for (let at = 0; at < 30_000; at += 1000) refuse(at, at % 4000 === 0 && at < 20_000 ? 1 : 0);
  t.equal(one.state().fault, 'stalled');
  const two = end();
  two.write('abcdefgh', 0);
  number = 1;
  for (let at = 0; at < 28_000; at += 4000) {
    two.hear(ack(number, 1, SOL_NACK), at);
    number = two.time(at + 20)[0]?.number ?? 0;
  }
  t.equal(two.state().fault, undefined);
  t.end();
});

void t.test('silence: repeated under the same number, less and less often, and then a fault', (t) => {
  const one = end();
  const [first] = one.write('ab', 0);
  const times: number[] = [];
  for (let due = solDue(one.state()); due !== undefined; due = solDue(one.state())) {
    const sent = one.time(due);
    if (sent.length > 0) times.push(due);
    for (const packet of sent) t.same(packet, first);
  }
  t.same(times, [100, 300, 700, 1100, 1500, 1900, 2300, 2700]);
  t.equal(one.state().fault, 'silent');
  t.same(one.hear(data(1, 'late'), 4000).send, [], 'nothing happens after a fault');
  t.notOk(solRoom(one.state(), 1));
  t.end();
});

void t.test('a repeated packet is given on once, and answered as the first time', (t) => {
  const one = end();
  const first = one.hear(data(1, 'abcd'), 0, 3);
  t.equal(Buffer.from(first.deliver).toString(), 'abc');
  t.same(first.send, [ack(1, 3, SOL_NACK)]);
  const second = one.hear(data(1, 'abcd'), 10, 1000);
  t.equal(second.deliver.byteLength, 0);
  t.same(second.send, first.send);
  t.same(one.hear(data(2, 'd'), 20).send, [ack(2, 1)]);
  t.end();
});

void t.test('a break keeps its place among the characters, and happens once', (t) => {
  const one = end();
  one.write('ab', 0);
  one.act({ is: 'signal', flags: SOL_OPERATION.sendBreak }, 1);
  one.write('cd', 2);
  const [second] = one.hear(ack(1, 2), 3).send;
  t.match(second, { number: 2, flags: SOL_OPERATION.sendBreak });
  t.equal(second?.characters.byteLength, 0);
  t.match(one.hear(ack(2, 0, SOL_NACK), 4).state.sending, undefined);
  const [again] = one.time(24);
  t.match(again, { number: 3, flags: SOL_OPERATION.sendBreak }, 'refused: asked for again');
  t.same(text(one.hear(ack(3, 0), 25).send), ['4:cd']);
  const other = end();
  t.equal(other.hear(second!, 0).flags, SOL_OPERATION.sendBreak);
  t.equal(other.hear(second!, 1).flags, undefined);
  t.end();
});

void t.test(
  'an end that asks for a pause is sent nothing, until it asks no more or a while has gone',
  (t) => {
    const one = end();
    one.hear(ack(0, 0, SOL_OPERATION.pause), 0, 1000, true);
    t.same(one.write('ab', 1), []);
    t.same(text(one.hear(ack(0, 0), 50).send), ['1:ab']);
    one.hear(ack(1, 2), 60, 1000, true);
    t.same(one.write('cd', 61), []);
    t.same(one.time(459), []);
    t.same(text(one.time(460)), ['2:cd'], 'its word may have been lost');
    t.end();
  },
);

void t.test('standing flags are in every packet, and those to be mentioned in the next one', (t) => {
  const one = end();
  const [told] = one.act({ is: 'stand', flags: SOL_OPERATION.pause }, 0).send;
  t.match(told, { number: 0, acked: 0, flags: SOL_OPERATION.pause });
  one.act({ is: 'mention', flags: SOL_OPERATION.ringWakeUp }, 1);
  t.match(one.hear(data(1, 'x'), 1).send[0], { acked: 1, flags: SOL_OPERATION.pause });
  t.match(one.write('y', 2)[0], { flags: SOL_OPERATION.pause | SOL_OPERATION.ringWakeUp });
  t.match(one.hear(ack(1, 1), 3), { send: [] });
  t.match(one.write('z', 4)[0], { flags: SOL_OPERATION.pause });
  t.end();
});

void t.test('in the quiet at the beginning nothing is said, and then flags and characters', (t) => {
  let state = solEndpoint(terms, milliseconds(50));
  const act = (event: SolEvent, at: number) => {
    const step = solStep(state, event, milliseconds(at));
    state = step.state;
    return step.send;
  };
  t.same(act({ is: 'stand', flags: SOL_OPERATION.pause }, 0), []);
  t.same(act({ is: 'write', bytes: utf8('ab') }, 1), []);
  t.same(act({ is: 'time' }, 49), []);
  t.equal(solDue(state), 50);
  const sent = act({ is: 'time' }, 50);
  t.same(text(sent), ['0:', '1:ab']);
  t.equal(sent[0]?.flags, SOL_OPERATION.pause);
  t.same(act({ is: 'stand', flags: SOL_OPERATION.pause }, 51), [], 'told already');
  t.match(act({ is: 'stand', flags: 0 }, 52), [{ number: 0, flags: 0 }]);
  t.end();
});

void t.test('a flush drops what was not sent yet, and the room is bounded', (t) => {
  const one = end();
  one.write('a', 0);
  one.write('x'.repeat(64), 1);
  t.notOk(solRoom(one.state(), 1));
  one.act({ is: 'flush' }, 2);
  t.ok(solRoom(one.state(), 10_000), 'with nothing waiting, any length');
  t.same(one.hear(ack(1, 1), 3).send, []);
  t.end();
});

interface Flight {
  readonly to: 0 | 1;
  readonly order: number;
  readonly at: number;
  readonly packet: SolPacket;
}

const fate = fc.record({
  lost: fc.integer({ min: 0, max: 99 }).map((n) => n < 30),
  copies: fc.constantFrom(1, 1, 1, 2),
  delay: fc.constantFrom(0, 1, 1, 5, 150, 600),
  room: fc.constantFrom(0, 1, 3, 8, 100, 100, 100),
});

/** Two ends and a bad way between them, until nothing is left to do. What comes after a later one is dropped. */
function world(
  writes: readonly (readonly [number, 0 | 1, Uint8Array])[],
  fates: readonly (typeof fate extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const ends: SolState[] = [solEndpoint(terms), solEndpoint(terms)];
  const got: Uint8Array[][] = [[], []];
  const written: Uint8Array[][] = [[], []];
  const latest = [-1, -1];
  let flights: Flight[] = [];
  let [now, order, used, most] = [0, 0, 0, 0];
  const act = (who: 0 | 1, event: SolEvent): void => {
    const { state, send, deliver } = solStep(ends[who]!, event, milliseconds(now));
    ends[who] = state;
    if (deliver.byteLength > 0) got[who]!.push(deliver);
    most = Math.max(most, state.bytesWaiting);
    for (const packet of send) {
      const { lost, copies, delay } = fates[used++ % fates.length]!;
      const to = who === 0 ? 1 : 0;
      if (!lost)
        for (let n = 0; n < copies; n += 1)
          flights.push({ to, packet, order: order + n, at: now + delay + n * 40 });
      order += copies;
    }
  };
  const todo = [...writes];
  for (let steps = 0; steps < 20_000; steps += 1) {
    const times = [todo[0]?.[0], ...flights.map(({ at }) => at), ...ends.map((state) => solDue(state))];
    const coming = times.filter((time) => time !== undefined);
    if (coming.length === 0) return { ends, got, written, most, steps };
    now = Math.max(now, Math.min(...coming));
    if (todo[0] !== undefined && todo[0][0] <= now) {
      const [, who, bytes] = todo.shift()!;
      if (!solRoom(ends[who]!, bytes.byteLength)) continue;
      written[who]!.push(bytes);
      act(who, { is: 'write', bytes });
      continue;
    }
    const due = flights.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.order - b.order);
    flights = flights.filter(({ at }) => at > now);
    for (const { to, packet, order } of due) {
      if (order <= latest[to]!) continue;
      latest[to] = order;
      act(to, { is: 'packet', packet, room: fates[used++ % fates.length]!.room, hold: false });
    }
    act(0, { is: 'time' });
    act(1, { is: 'time' });
  }
  throw new Error('it never ends');
}

const script = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 3000 }),
    fc.constantFrom<0 | 1>(0, 1),
    fc.uint8Array({ minLength: 1, maxLength: 30 }),
  ),
  { maxLength: 12 },
);

void t.test(
  'over a bad way all bytes arrive once and in order, or an end says why not; always it ends',
  (t) => {
    const seen = { whole: 0, faults: 0 };
    fc.assert(
      fc.property(script, fc.array(fate, { minLength: 5, maxLength: 60 }), (writes, fates) => {
        const sorted = [...writes].sort((a, b) => a[0] - b[0]);
        const { ends, got, written, most } = world(sorted, fates);
        t.ok(most <= terms.queue + terms.most, 'what waits is bounded');
        for (const [from, to] of [
          [0, 1],
          [1, 0],
        ] as const) {
          const [sent, received] = [concatBytes(...written[from]!), concatBytes(...got[to]!)];
          if (!equalBytes(received, sent.subarray(0, received.byteLength)))
            throw new Error('bytes that were not sent so');
          if (received.byteLength === sent.byteLength) seen.whole += 1;
          else {
            seen.faults += 1;
            if (ends[0]?.fault === undefined && ends[1]?.fault === undefined) throw new Error('bytes lost');
          }
        }
      }),
      { numRuns: 400 },
    );
    t.ok(seen.whole > 50, `${seen.whole} whole`);
    t.ok(seen.faults > 5, `${seen.faults} given up`);
    t.end();
  },
);
