import t from 'tap';
import { readIdentities } from '../../../src/fleet/index.ts';
import { publicKeyText } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const key = publicKeyText(testKey().publicKey);
const other = publicKeyText(testKey().publicKey);

await t.test('what devices print is read, whatever ends its lines', async (t) => {
  const read = readIdentities(`\r\n# two\r\nrack1: ${key}\r\n  rack2:${other}  \n`);
  t.same(
    [...read],
    [
      ['rack1', key],
      ['rack2', other],
    ],
  );
  t.equal(readIdentities(`rack1: ${key}\nrack1: ${key}`).size, 1, 'twice the same is once');
});

await t.test('what is no device and its key is refused, whole, and told in a few words', async (t) => {
  const wrong = [
    '',
    '# nothing',
    'rack1',
    'rack1: ed25519:x',
    `../x: ${key}`,
    `__proto__ : ${key}x`,
    'x'.repeat(1e6),
  ];
  for (const text of [...wrong, `rack1: ${key}\n${'x'.repeat(500)}`, `rack1: ${key} \u001b[2J`]) {
    const error = t.throws(() => readIdentities(text), { code: 'NS_USAGE' }, text.slice(0, 20)) as Error;
    t.ok(error.message.length < 300);
    t.notMatch(error.message, /\p{Cc}/u);
  }
  t.throws(() => readIdentities(`rack1: ${key}\nrack1: ${other}`), /two keys/);
});
