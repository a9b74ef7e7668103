import t from 'tap';
import { UnitModel } from '../kit/chain-model/unit-model.ts';
import { explore } from '../kit/explorer/explore.ts';

await t.test(
  'a whole unit between a host and a drive comes to rest, and its registers tell what there is',
  async (t) => {
    const { states, edges, settled, complete, fault } = explore(new UnitModel(2), 1_500_000);
    t.same(fault, undefined);
    t.ok(complete, 'every reachable state was seen');
    t.comment(`figure: unit, 2 disturbances: ${states} states, ${edges} edges, ${settled} at rest`);
  },
);
