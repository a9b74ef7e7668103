import fc from 'fast-check';
import t from 'tap';
import { type Duration, equalBytes, milliseconds, utf8 } from '../../../src/base/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import {
  Keyring,
  LoginDesk,
  openOrder,
  PassDesk,
  PassRows,
  type PassTerms,
  passLine,
  publicKeyText,
  type Role,
  signOrder,
  signPass,
  unpackPass,
  writePassRows,
} from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const AT = 1_900_000_000;
const subject = (deviceKey: KeyStore) => ({
  tenant: 'acme',
  device: 'host1',
  deviceKey: deviceKey.publicKey,
});
const terms = (change: Partial<PassTerms> = {}): PassTerms => ({
  ...{ name: 'kim', person: 'Kim Lee', at: AT, minutes: 480, salt: Uint8Array.of(1, 2, 3, 4) },
  ...change,
});

class Bench {
  readonly device = testKey();
  readonly olga = testKey();
  readonly store = new MemoryState(1024 * 1024);
  readonly audited: string[] = [];
  now = AT + 60;
  monotonic = 0;
  keyring = this.#ring('operator');
  desk = this.#open();

  #ring(role: Role, more: object = {}): Keyring {
    return new Keyring([{ name: 'olga', role, key: publicKeyText(this.olga.publicKey), ...more }]);
  }

  enrol(role: Role, more: object = {}): void {
    this.keyring = this.#ring(role, more);
  }

  #open(): LoginDesk {
    const inForce = (): Keyring => this.keyring;
    return new LoginDesk({
      store: this.store,
      clock: { monotonic: (): Duration => milliseconds(this.monotonic) },
      lastCounter: () => 0,
      audit: async (event, detail) => this.audited.push(`${event} ${detail}`),
      passes: new PassDesk({
        store: this.store,
        keyring: {
          get current() {
            return inForce();
          },
        },
        ...{ tenant: 'acme', device: 'host1', groups: [], deviceKey: this.device },
        now: () => this.now,
        lastCounter: () => 41,
      }),
    });
  }

  async restart(): Promise<void> {
    this.desk = this.#open();
    await this.desk.open();
    this.monotonic += 300_000;
  }

  pass(change: Partial<PassTerms> = {}, giver = this.olga): Promise<Uint8Array> {
    return signPass(subject(this.device), terms(change), giver);
  }

  /** After whatever wait there is. */
  async come(packed: Uint8Array): Promise<string> {
    this.monotonic += 300_000;
    const answer = await this.desk.byPass(packed);
    return answer.is === 'refused' ? answer.refusal.code : answer.is;
  }
}

await t.test(
  'a pass is short, and comes back from its rows as it was signed, for its device alone',
  async (t) => {
    const device = testKey();
    const packed = await signPass(subject(device), terms({ verbs: ['file.*', 'io.read'] }), testKey());
    const rows = writePassRows(packed);
    t.ok(rows.length <= 10 && rows.every((row) => row.length <= 25));
    const reader = new PassRows();
    for (const [i, row] of rows.entries()) {
      t.equal(reader.next, i + 1);
      const answer = reader.take(row.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l'));
      t.equal(answer.is, i === rows.length - 1 ? 'whole' : 'more');
      if (answer.is === 'whole') t.ok(equalBytes(answer.packed, packed));
    }
    t.equal(reader.total, rows.length);
    const line = new PassRows().take(passLine(rows));
    t.ok(line.is === 'whole' && equalBytes(line.packed, packed));
    t.ok(unpackPass(packed, subject(device)));
    for (let length = 0; length < packed.byteLength; length += 1)
      t.equal(unpackPass(packed.subarray(0, length), subject(device)), undefined);
  },
);

await t.test('whatever is mistyped in a row is found, and so are rows that changed places', async (t) => {
  const rows = writePassRows(await signPass(subject(testKey()), terms(), testKey()));
  const bare = rows.map((row) => row.replaceAll(' ', ''));
  fc.assert(
    fc.property(
      fc.nat(20),
      fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'.split('')),
      (at, letter) => {
        const first = bare[0]!;
        fc.pre(first[at] !== letter);
        return new PassRows().take(first.slice(0, at) + letter + first.slice(at + 1)).is === 'mistyped';
      },
    ),
  );
  t.equal(new PassRows().take(bare[1]!).is, 'mistyped');
  const reader = new PassRows();
  reader.take(bare[0]!);
  t.equal(reader.take(bare[2]!).is, 'mistyped');
  t.equal(reader.take(bare[1]!).is, 'more', 'the right one goes on');
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 60 }), { maxLength: 20 }), (typed) => {
      const noise = new PassRows();
      return typed.every((row) => noise.take(row).is !== 'whole');
    }),
  );
});

await t.test(
  'who brings one is in once, also over a restart, and orders by the right of who gave it',
  async (t) => {
    const bench = new Bench();
    const packed = await bench.pass({ verbs: ['file.list'] });
    const answer = await bench.desk.byPass(packed);
    t.match(answer, { is: 'in', session: { name: 'kim' } });
    if (answer.is !== 'in') return;
    t.match(bench.audited, [/^console\.log-in kim, by a pass of olga, key [0-9a-f]{16}$/]);
    const { session } = answer;
    const { key, grants } = session;
    t.same([session.nextCounter(), session.nextCounter()], [42, 43]);
    const order = {
      ...{ v: 1, id: new Uint8Array(16), aud: { to: 'device', name: 'host1' }, verb: 'file.list' },
      ...{ args: { path: '/' }, iss: key.publicKey.keyId, ctr: 42, exp: AT + 480 * 60, grants },
    };
    const opened = openOrder(await signOrder(order as never, key, 'acme'), bench.keyring, { tenant: 'acme' });
    t.match(opened, {
      ok: true,
      value: { signer: { name: 'kim for olga', role: 'operator', person: 'Kim Lee' } },
    });
    t.equal(await bench.come(packed), 'REPLAYED');
    await bench.restart();
    t.equal(await bench.come(packed), 'REPLAYED');
  },
);

await t.test(
  'what is no pass, or not for here, or of nobody who may, or out of time, lets nobody in',
  async (t) => {
    const bench = new Bench();
    const good = await bench.pass();
    for (const at of [0, 1, 5, 12, 15, 17, 20, 30, good.byteLength - 1]) {
      const bad = good.slice();
      bad[at]! ^= 1;
      t.not(await bench.come(bad), 'in', `byte ${at}`);
    }
    t.equal(await bench.come(utf8('x'.repeat(100))), 'DELEGATION_INVALID');
    t.equal(await bench.come(await bench.pass({}, testKey())), 'KEY_UNKNOWN');
    const other = await signPass(subject(testKey()), terms(), bench.olga);
    t.equal(await bench.come(other), 'DELEGATION_INVALID', 'for another device');
    for (const role of ['technician', 'auditor'] as const) {
      bench.enrol(role);
      t.equal(await bench.come(good), 'NOT_PERMITTED', role);
    }
    for (const role of ['governor', 'root'] as const) {
      bench.enrol(role);
      t.equal(await bench.come(good), 'DELEGATION_INVALID', role);
    }
    bench.enrol('operator', { notAfter: AT + 30 });
    t.equal(await bench.come(good), 'KEY_EXPIRED', "not longer than the giver's own right");
    bench.enrol('operator');
    bench.now = AT + 480 * 60;
    t.equal(await bench.come(good), 'KEY_EXPIRED');
    bench.now = AT - 301;
    t.equal(await bench.come(good), 'NOT_YET_VALID');
    bench.now = AT + 60;
    t.equal(await bench.come(good), 'in', 'none of that has used it up');
    bench.enrol('security');
    t.equal(await bench.come(await bench.pass({ salt: Uint8Array.of(9, 9, 9, 9) })), 'in');
  },
);

await t.test('a pass that is not good makes the next try wait, whether by pass or by password', async (t) => {
  const bench = new Bench();
  t.match(await bench.desk.byPass(utf8('x'.repeat(100))), { is: 'refused', wait: 1000 });
  t.match(await bench.desk.byPass(await bench.pass()), { is: 'too-soon' });
  t.match(await bench.desk.logIn('tim', 'a password'), { is: 'too-soon' });
  bench.monotonic += 1000;
  t.match(await bench.desk.byPass(utf8('x'.repeat(100))), { is: 'refused', wait: 2000 });
  t.match(bench.audited[0], /^console\.refused by a pass, DELEGATION_INVALID, try 1$/);
});

await t.test(
  'those used are remembered in so much room, and one whose use is forgotten is not taken',
  async (t) => {
    const bench = new Bench();
    const salt = (n: number) => Uint8Array.of(0, 0, n >> 8, n & 255);
    const first = await bench.pass({ minutes: 61, salt: salt(1000) });
    t.equal(await bench.come(first), 'in');
    for (let n = 0; n < 256; n += 1)
      t.equal(await bench.come(await bench.pass({ minutes: 120, salt: salt(n) })), 'in');
    t.equal(await bench.come(first), 'REPLAYED');
    t.equal(
      await bench.come(await bench.pass({ minutes: 60, salt: salt(2000) })),
      'REPLAYED',
      'it cannot be told',
    );
    t.equal(await bench.come(await bench.pass({ minutes: 62, salt: salt(2001) })), 'in');
    await bench.store.writeDocument('console-passes', utf8('rubbish'));
    bench.monotonic += 300_000;
    await t.rejects(bench.desk.byPass(await bench.pass({ salt: salt(3000) })), { code: 'NS_PASSES_DAMAGED' });
  },
);

await t.test('what cannot be a pass is not signed', async (t) => {
  const sign = (change: Partial<PassTerms>) => signPass(subject(testKey()), terms(change), testKey());
  await t.rejects(sign({ name: 'Kim Lee' }), { code: 'NS_PASS' });
  await t.rejects(sign({ paths: [`/${'x'.repeat(250)}`] }), { code: 'NS_PASS' });
  await t.rejects(sign({ paths: ['/../etc'] }), { code: 'NS_GRANT_INVALID' });
  await t.rejects(sign({ verbs: ['everything'] }), { code: 'NS_GRANT_INVALID' });
});
