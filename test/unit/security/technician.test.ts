import t from 'tap';
import { systemEntropy } from '../../../src/adapters/entropy.ts';
import { type Duration, milliseconds, utf8 } from '../../../src/base/index.ts';
import {
  addTechnician,
  LoginDesk,
  publicKeyText,
  readTechnicians,
  removeTechnician,
} from '../../../src/security/index.ts';
import { newSealedKey, openSealedKey } from '../../../src/security/technician/sealed-key.ts';
import { eventually } from '../../kit/eventually.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const PASSWORD = 'correct horse battery';

class Bench {
  readonly store = new MemoryState(1024 * 1024);
  readonly audited: string[] = [];
  now = 1000;
  highest = 0;
  desk = this.#desk();

  #desk(): LoginDesk {
    return new LoginDesk({
      store: this.store,
      clock: { monotonic: (): Duration => milliseconds(this.now) },
      lastCounter: () => this.highest,
      audit: async (event, detail) => this.audited.push(`${event} ${detail}`),
    });
  }

  async restart(): Promise<void> {
    this.now = 0;
    this.desk = this.#desk();
    await this.desk.open();
  }
}

await t.test('who has the password is in, and signs with the key that the keyring is told of', async (t) => {
  const bench = new Bench();
  const text = await addTechnician(bench.store, { name: 'tim', password: PASSWORD }, systemEntropy);
  const answer = await bench.desk.logIn('tim', PASSWORD);
  t.match(answer, { is: 'in', session: { name: 'tim' } });
  if (answer.is !== 'in') return;
  t.equal(publicKeyText(answer.session.key.publicKey), text);
  t.equal((await answer.session.key.sign(utf8('x'))).byteLength, 64);
  t.same(bench.audited, ['console.log-in tim']);
  bench.highest = 41;
  t.same([answer.session.nextCounter(), answer.session.nextCounter()], [42, 43], 'no counter twice');
});

await t.test('a wrong password and a name that nobody has are one answer', async (t) => {
  const bench = new Bench();
  await addTechnician(bench.store, { name: 'tim', password: PASSWORD }, systemEntropy);
  const wrong = await bench.desk.logIn('tim', `${PASSWORD}.`);
  bench.now += 10_000;
  const nobody = await bench.desk.logIn('tom', PASSWORD);
  t.equal(wrong.is, 'wrong');
  t.equal(nobody.is, 'wrong');
  t.same(bench.audited, ['console.refused tim, try 1', 'console.refused nobody of this device, try 2']);
  t.notMatch(bench.audited.join(), /tom|horse/);
});

await t.test(
  'each wrong answer makes the next wait longer, also after a restart, and never for good',
  async (t) => {
    const bench = new Bench();
    await addTechnician(bench.store, { name: 'tim', password: PASSWORD }, systemEntropy);
    const waits: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const answer = await bench.desk.logIn('tim', 'not the password');
      t.equal(answer.is, 'wrong');
      if (answer.is !== 'wrong') return;
      waits.push(answer.wait);
      t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'too-soon' }, 'even the right one waits');
      bench.now += answer.wait;
    }
    t.same(waits.slice(0, 4), [1000, 2000, 4000, 8000]);
    t.equal(waits.at(-1), 300_000);
    await bench.restart();
    t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'too-soon', wait: 300_000 });
    bench.now += 300_000;
    t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'in' });
    await bench.restart();
    t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'in' }, 'all is forgiven');
  },
);

await t.test('a try counts before it is judged, and a damaged count counts as many', async (t) => {
  const bench = new Bench();
  await addTechnician(bench.store, { name: 'tim', password: PASSWORD }, systemEntropy);
  const trying = bench.desk.logIn('tim', 'not the password');
  await eventually(async () => (await bench.store.readDocument('technician-logins')) !== undefined);
  await bench.restart();
  t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'too-soon' });
  await trying;
  await bench.store.writeDocument('technician-logins', utf8('rubbish'));
  await bench.restart();
  t.match(await bench.desk.logIn('tim', PASSWORD), { is: 'too-soon', wait: 300_000 });
});

await t.test('names and passwords that will not do are refused, and a name is taken once', async (t) => {
  const { store } = new Bench();
  const add = (name: string, password: string) => addTechnician(store, { name, password }, systemEntropy);
  for (const name of ['', 'Tim', 'tim smith', '7', '../tim', 'a'.repeat(33)]) {
    await t.rejects(add(name, PASSWORD), { code: 'NS_TECHNICIAN' }, name);
  }
  for (const password of ['short', 'x'.repeat(129), 'eleven chr\u00e9', 'tab\there....']) {
    const error = await add('tim', password).catch((reason: unknown) => reason);
    t.match(error, { code: 'NS_TECHNICIAN' });
    t.notMatch(String(error), password);
  }
  await add('tim', PASSWORD);
  await t.rejects(add('tim', 'another password'), { code: 'NS_TECHNICIAN' });
  t.equal(await removeTechnician(store, 'tom'), false);
  t.equal(await removeTechnician(store, 'tim'), true);
  t.same(await readTechnicians(store), []);
  await store.writeDocument('technicians', utf8('rubbish'));
  await t.rejects(readTechnicians(store), { code: 'NS_TECHNICIANS_DAMAGED' });
});

await t.test(
  'nothing that is stored tells the password or the key, and no key serves another name',
  async (t) => {
    const { key, sealed } = await newSealedKey('tim', PASSWORD, systemEntropy, 10);
    const text = JSON.stringify(sealed);
    const der = key.export({ format: 'der', type: 'pkcs8' }).toString('hex');
    t.notMatch(text, der.slice(-64));
    t.notMatch(text, Buffer.from(PASSWORD).toString('hex'));
    t.ok(await openSealedKey('tim', PASSWORD, sealed));
    t.equal(await openSealedKey('tom', PASSWORD, sealed), undefined);
    const hit = `${sealed.sealed.slice(0, 10)}${sealed.sealed[10] === '0' ? '1' : '0'}${sealed.sealed.slice(11)}`;
    t.equal(await openSealedKey('tim', PASSWORD, { ...sealed, sealed: hit }), undefined);
  },
);
