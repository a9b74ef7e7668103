import t from 'tap';
import { LIMIT, UNUSED } from '../redteam/moves/governed.ts';
import { disableByBoth } from '../redteam/moves/signatures.ts';
import { redTeam } from '../redteam/redteam.ts';
import type { Scenario } from '../redteam/scenarios.ts';

/*
 * The same as `npm run redteam`, at fewer hosts: somebody with the broker, the fleet server and all keys but one person's.
 */

const HOSTS = 24;
const report = await redTeam({ hosts: HOSTS });

await t.test('whoever lacks the keys of one person whom it takes disables and wipes nothing', async (t) => {
  const strict = report.outcomes.filter(({ stated }) => stated === 0);
  t.ok(strict.length >= 4);
  for (const { scenario, disabled, wiped } of strict)
    t.same({ disabled, wiped }, { disabled: 0, wiped: 0 }, scenario);
});

await t.test("with both officers' keys: as many as there are tokens, and no more", async (t) => {
  t.same(
    report.outcomes.flatMap(({ stated, disabled }) => (stated === 0 ? [] : [disabled])),
    [UNUSED, LIMIT],
  );
});

await t.test('every move was carried out, and failed for the reason that it should', async (t) => {
  const moves = new Set(report.tried.map(({ move }) => move));
  t.ok(moves.size >= 30, `${moves.size} different moves`);
  for (const { move, fault, harmed } of report.tried)
    t.same({ fault, harmed }, { fault: undefined, harmed: [] }, move);
});

await t.test("a hole would be seen: with everybody's keys the same harness counts every host", async (t) => {
  const hole: Scenario = {
    words: 'everything',
    harm: 0,
    moves: [
      {
        words: 'both officers and the governor disable',
        fails: [],
        run: (a, hosts) => a.strike(hosts, (host) => disableByBoth(a, host)),
      },
    ],
  };
  const seen = await redTeam({ hosts: 4, scenarios: [hole] });
  t.match(seen, { held: false, outcomes: [{ disabled: 4, wiped: 0 }] });
  t.equal(seen.tried[0]?.harmed.length, 4);
});
