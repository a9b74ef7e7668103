import { getEventListeners } from 'node:events';
import t from 'tap';
import { Stops } from '../../../../src/programs/library/stops.ts';

await t.test(
  'one listener on each signal, however many hang on it, and none when they are let go',
  async (t) => {
    const stops = new Stops();
    const [a, b] = [new AbortController(), new AbortController()];
    const heard = (): number[] => [a, b].map(({ signal }) => getEventListeners(signal, 'abort').length);
    const joined = Array.from({ length: 50 }, () => stops.join([a.signal, b.signal]));
    t.same(heard(), [1, 1]);
    for (const { release } of joined.slice(1)) release();
    joined[1]?.release();
    t.same(heard(), [1, 1]);
    b.abort(new Error('enough'));
    t.match(joined[0]?.signal.reason, /enough/);
    t.notOk(joined[1]?.signal.aborted, 'what was let go hears nothing more');
    joined[0]?.release();
    t.same(heard(), [0, 0]);
    t.match(stops.join([a.signal, b.signal]).signal, { aborted: true, reason: /enough/ });
    t.same(heard(), [0, 0], 'of what has aborted already nobody listens');
  },
);
