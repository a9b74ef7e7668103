import fc from 'fast-check';
import t from 'tap';
import { decode, encode } from '../../../../src/protocol/index.ts';
import { encodePacket, LinkSession, millis, slipEncode } from '../../../../src/sata-chain/index.ts';
import { HandScheduler } from '../../../kit/chain-state.ts';

const KEEP_ALIVE = 100;
const SILENT_HELLOS = 5;
let sessions = 0;

interface Heard {
  readonly run: number;
  readonly connection: number;
  readonly n: number;
  /** Of the receiver, when it came. */
  readonly at: string;
}

/** One end: a session that can be restarted, what it sent and what it heard. */
class End {
  readonly heard: Heard[] = [];
  /** Pieces on their way from here. */
  readonly out: Uint8Array[] = [];
  session: LinkSession;
  run = 0;
  connection = 0;
  n = 0;
  readonly #scheduler: HandScheduler;

  constructor(scheduler: HandScheduler) {
    this.#scheduler = scheduler;
    this.session = this.#start();
  }

  restart(): void {
    this.session.lineDown();
    this.session = this.#start();
  }

  #start(): LinkSession {
    this.run += 1;
    this.connection = 0;
    const options = {
      largestFrame: 100,
      keepAlive: millis(KEEP_ALIVE),
      silentHellos: SILENT_HELLOS,
      newSession: () => ++sessions,
    };
    const session = new LinkSession(options, this.#scheduler, {
      write: (bytes) => void this.out.push(bytes),
      frame: ({ bytes }) =>
        void this.heard.push({ ...(decode(bytes) as Heard), at: `${this.run}.${this.connection}` }),
      connection: (connected) => {
        if (connected) this.connection += 1;
      },
    });
    session.lineUp();
    return session;
  }

  send(): void {
    if (!this.session.connected) return;
    this.n += 1;
    const bytes = encode({ run: this.run, connection: this.connection, n: this.n });
    this.out.push(this.session.encode({ channel: 'state', bytes }));
  }
}

class Bench {
  readonly scheduler = new HandScheduler();
  readonly ends = [new End(this.scheduler), new End(this.scheduler)] as const;

  /** Carries all that is on its way, until nothing is. */
  carry(): void {
    for (let turns = 0; turns < 50; turns += 1) {
      if (this.ends.every(({ out }) => out.length === 0)) return;
      for (const side of [0, 1] as const) {
        for (const piece of this.ends[side].out.splice(0)) this.ends[1 - side]!.session.received(piece);
      }
    }
    throw new Error('the two ends talk without end');
  }

  pass(hellos: number): void {
    for (let i = 0; i < hellos; i += 1) {
      this.scheduler.run(millis(KEEP_ALIVE));
      this.carry();
    }
  }

  get connected(): boolean {
    return this.ends.every(({ session }) => session.connected);
  }
}

await t.test('two ends connect by their first hellos, and part when the line goes silent', async (t) => {
  const bench = new Bench();
  bench.carry();
  t.ok(bench.connected);
  for (let i = 0; i < SILENT_HELLOS - 1; i += 1) {
    bench.scheduler.run(millis(KEEP_ALIVE));
    for (const end of bench.ends) end.out.length = 0;
  }
  t.ok(bench.connected, 'a few lost hellos are nothing');
  for (let i = 0; i < 2; i += 1) {
    bench.scheduler.run(millis(KEEP_ALIVE));
    for (const end of bench.ends) end.out.length = 0;
  }
  t.notOk(bench.ends.some(({ session }) => session.connected));
  bench.pass(1);
  t.ok(bench.connected);
});

await t.test('who is heard but does not hear is not connected, and neither is the other end', async (t) => {
  const bench = new Bench();
  bench.carry();
  for (let i = 0; i < 3 * SILENT_HELLOS; i += 1) {
    bench.scheduler.run(millis(KEEP_ALIVE));
    for (const piece of bench.ends[0].out.splice(0)) bench.ends[1].session.received(piece);
    bench.ends[1].out.length = 0;
  }
  t.notOk(bench.ends[0].session.connected);
  t.notOk(bench.ends[1].session.connected);
});

await t.test('who hears us once and then no more is not a neighbour for long', async (t) => {
  const bench = new Bench();
  const [here, there] = bench.ends;
  const towardsHere = (): void => {
    for (const piece of there.out.splice(0)) here.session.received(piece);
  };
  for (const piece of here.out.splice(0)) there.session.received(piece);
  towardsHere();
  t.ok(here.session.connected);
  t.notOk(there.session.connected);
  for (let i = 0; i < SILENT_HELLOS + 2; i += 1) {
    bench.scheduler.run(millis(KEEP_ALIVE));
    here.out.length = 0;
    towardsHere();
  }
  t.notOk(here.session.connected);
});

await t.test('a hello from long ago disturbs nothing', async (t) => {
  const bench = new Bench();
  const old = bench.ends[0].out.slice();
  bench.carry();
  for (let i = 0; i < SILENT_HELLOS + 2; i += 1) {
    bench.scheduler.run(millis(KEEP_ALIVE));
    for (const end of bench.ends) end.out.length = 0;
  }
  bench.pass(2);
  const { connection } = bench.ends[1];
  for (const piece of old) bench.ends[1].session.received(piece);
  t.ok(bench.connected);
  t.equal(bench.ends[1].connection, connection);
});

await t.test('a looped line is no neighbour', async (t) => {
  const scheduler = new HandScheduler();
  const end = new End(scheduler);
  for (let i = 0; i < 20; i += 1) {
    for (const piece of end.out.splice(0)) end.session.received(piece);
    scheduler.run(millis(KEEP_ALIVE));
  }
  t.notOk(end.session.connected);
});

await t.test('a flood of hellos buys few answers', async (t) => {
  const scheduler = new HandScheduler();
  const end = new End(scheduler);
  end.out.length = 0;
  for (let from = 1; from <= 1000; from += 1) {
    const hello = { kind: 'hello', from: 1e9 + from, to: 0, sequence: 1, bytes: new Uint8Array() } as const;
    end.session.received(slipEncode(encodePacket(hello)));
  }
  t.ok(end.out.length <= 8, `${end.out.length} answers`);
});

const side = fc.constantFrom(0 as const, 1 as const);
const event = fc.oneof(
  { weight: 16, arbitrary: fc.record({ do: fc.constant('send' as const), side }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), side }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('carry' as const), side, count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), side, at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('double' as const), side, at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mix' as const), side, at: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('flip' as const), side, at: fc.nat(5), bit: fc.nat(400) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('keep' as const), side }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replay' as const), side }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), side }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('time' as const),
      side,
      hellos: fc.integer({ min: 1, max: SILENT_HELLOS + 2 }),
    }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

function apply(bench: Bench, kept: Uint8Array[], happened: Event): void {
  const here = bench.ends[happened.side];
  const there = bench.ends[1 - happened.side]!;
  switch (happened.do) {
    case 'send':
      here.send();
      return;
    case 'settle':
      bench.carry();
      return;
    case 'carry':
      for (const piece of here.out.splice(0, happened.count)) there.session.received(piece);
      return;
    case 'lose':
      here.out.splice(happened.at, 1);
      return;
    case 'double':
      here.out.splice(happened.at, 0, ...here.out.slice(happened.at, happened.at + 1));
      return;
    case 'mix':
      here.out.push(...here.out.splice(happened.at, 1));
      return;
    case 'flip': {
      const piece = here.out[happened.at]?.slice();
      if (piece === undefined) return;
      piece[(happened.bit >> 3) % piece.length]! ^= 1 << (happened.bit & 7);
      here.out[happened.at] = piece;
      return;
    }
    case 'keep':
      kept.push(...here.out.slice(0, 3));
      return;
    case 'replay':
      for (const piece of kept) there.session.received(piece);
      return;
    case 'restart':
      here.restart();
      return;
    case 'time':
      for (let i = 0; i < happened.hellos; i += 1) bench.scheduler.run(millis(KEEP_ALIVE));
      return;
  }
}

await t.test(
  'whatever the line does: in order, at most once, and never from another connection',
  async (t) => {
    let heard = 0;
    fc.assert(
      fc.property(fc.array(event, { minLength: 40, maxLength: 200, size: 'max' }), (events) => {
        const bench = new Bench();
        const kept: Uint8Array[] = [];
        bench.carry();
        for (const happened of events) apply(bench, kept, happened);
        // The faults are over.
        bench.pass(3 * SILENT_HELLOS);
        if (!bench.connected) throw new Error('the ends do not find each other again');
        for (const end of bench.ends) end.send();
        bench.carry();
        for (const [i, end] of bench.ends.entries()) {
          const other = bench.ends[1 - i]!;
          if (end.heard.at(-1)?.n !== other.n) throw new Error('the last frame did not arrive');
          const sources = new Map<string, string>();
          end.heard.forEach((frame, j) => {
            if (frame.n <= (end.heard[j - 1]?.n ?? 0)) throw new Error('out of order, or twice');
            const source = `${frame.run}.${frame.connection}`;
            if ((sources.get(frame.at) ?? source) !== source) throw new Error('from another connection');
            sources.set(frame.at, source);
          });
          if (new Set(sources.values()).size !== sources.size) throw new Error('one connection seen as two');
          heard += end.heard.length;
        }
      }),
      { numRuns: 600 },
    );
    t.ok(heard > 2000);
    t.comment(`frames heard: ${heard}`);
  },
);
