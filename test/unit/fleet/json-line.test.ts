import t from 'tap';
import { jsonLine } from '../../../src/fleet/index.ts';

await t.test('what a device or a BMC says moves no cursor and turns no text, also as JSON', async (t) => {
  const said = 'a\u009b31mb\u202ec\u001b[2Jd\u007fe\u2028f';
  const line = jsonLine({ name: said });
  t.notMatch(line, /[\p{Cc}\p{Zl}\u202e]/u);
  t.equal((JSON.parse(line) as { name: string }).name, said, 'and it still says the same');
});
