import t from 'tap';
import { LinkInclusion } from '../kit/chain-model/link-inclusion.ts';
import { LinkModel } from '../kit/chain-model/link-model.ts';
import type { LinkEnds, LinkKind } from '../kit/chain-model/link-view.ts';
import { PHY_FAULTS } from '../kit/chain-model/phy-faults.ts';
import { explore } from '../kit/explorer/explore.ts';

const LIMIT = 2_000_000;

const ends = (
  host: 1 | 2 | 3,
  device: 1 | 2 | 3,
  hostDenies: 0 | 1 | 2 | 3 = 0,
  deviceDenies: 0 | 1 | 2 | 3 = 0,
): LinkEnds => ({
  host,
  device,
  hostDenies,
  deviceDenies,
});
const CABLE: LinkKind = { wire: 'cable', sleep: false, loss: true };
const SLEEPY: LinkKind = { wire: 'cable', sleep: true, loss: true };
const LONG: LinkKind = { wire: 'long', sleep: false, loss: false };

const LINKS: readonly (readonly [string, LinkEnds, LinkKind])[] = [
  ['rates 1 and 3', ends(1, 3), CABLE],
  ['rates 3 and 1', ends(3, 1), CABLE],
  ['the host denies partial, the device slumber', ends(1, 1, 1, 2), SLEEPY],
  ['a link longer than a burst', ends(1, 1), LONG],
];

for (const [name, both, kind] of LINKS) {
  await t.test(`two phys come to one rate, notice every loss, and park alone: ${name}`, async (t) => {
    const { states, edges, settled, complete, fault } = explore(new LinkModel(both, kind), LIMIT);
    t.same(fault, undefined);
    t.ok(complete, 'every reachable state was seen');
    t.comment(`figure: link, ${name}: ${states} states, ${edges} edges, ${settled} at rest`);
  });
}

await t.test(
  'two phys on a cable tell nothing that the rules of a link in the chain model cannot tell',
  async (t) => {
    const model = new LinkInclusion(new LinkModel(ends(1, 1), SLEEPY));
    const { states, edges, settled, complete, fault } = explore(model, LIMIT);
    t.same(fault, undefined);
    t.ok(complete, 'every reachable state was seen');
    t.comment(
      `figure: link, both may sleep, beside the rules: ${states} states, ${edges} edges, ${settled} at rest`,
    );
  },
);

await t.test('a fault in a table of a phy is found', async (t) => {
  for (const { name, tables } of PHY_FAULTS) {
    let fault = explore(new LinkModel(ends(1, 2), CABLE, tables), LIMIT).fault;
    fault ??= explore(new LinkModel(ends(1, 1), SLEEPY, tables), LIMIT).fault;
    t.ok(fault, name);
    t.comment(`figure: ${name}: ${fault?.is} after ${fault?.trace.length} steps`);
  }
});
