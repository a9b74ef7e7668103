import t from 'tap';
import { suggest } from '../../../src/base/index.ts';

const known = ['broker', 'device', 'keys', 'timeout', 'state'];

await t.test('a slip of the fingers finds the name that was meant', async (t) => {
  t.equal(suggest('borker', known), 'broker');
  t.equal(suggest('brokr', known), 'broker');
  t.equal(suggest('Device', known), 'device');
  t.equal(suggest('devise', known), 'device');
  t.equal(suggest('statee', known), 'state');
});

await t.test('what is near nothing gets no suggestion', async (t) => {
  t.equal(suggest('xyzzy', known), undefined);
  t.equal(suggest('', known), undefined);
  t.equal(suggest('k'.repeat(65), ['k'.repeat(65)]), undefined);
  t.equal(suggest('borker', []), undefined);
});
