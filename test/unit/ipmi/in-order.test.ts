import t from 'tap';
import { InOrder } from '../../../src/ipmi/session/in-order.ts';

await t.test('what was overtaken is not taken any more, also where numbers begin again', (t) => {
  const order = new InOrder();
  t.ok(order.take(7), 'any number may be the first');
  t.ok(order.take(9));
  t.notOk(order.take(8));
  t.notOk(order.take(9));
  const wrap = new InOrder();
  t.ok(wrap.take(0xffff_ffff));
  t.ok(wrap.take(1));
  t.notOk(wrap.take(0xffff_ffff));
  t.ok(wrap.take(2));
  t.end();
});
