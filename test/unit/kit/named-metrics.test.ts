import { readFileSync } from 'node:fs';
import t from 'tap';
import { alertRules, dashboardPanels, queries, selectorsIn } from '../../kit/named-metrics.ts';

/** True where all that opens closes. */
function isBalanced(query: string): boolean {
  const open: string[] = [];
  for (const c of query.replace(/"[^"]*"/g, '')) {
    if ('([{'.includes(c)) open.push(c);
    else if (')]}'.includes(c) && `${open.pop() ?? ''}${c}`.match(/^(\(\)|\[\]|\{\})$/) === null)
      return false;
  }
  return open.length === 0;
}

await t.test('every alert says how grave it is, and the page what to do', async (t) => {
  const page = readFileSync('docs/observability.md', 'utf8');
  const names = alertRules().map(({ alert }) => alert);
  t.equal(new Set(names).size, names.length);
  for (const { alert, for: wait, labels, annotations } of alertRules()) {
    t.match(labels.severity, /^(info|warning|critical)$/, alert);
    t.match(wait ?? '1m', /^\d+[smh]$/);
    t.ok(annotations.summary.length > 10);
    t.equal(annotations.runbook_url, `docs/observability.md#${alert.toLowerCase()}`);
    t.ok(page.includes(`\n### ${alert}\n`), `${alert} stands on the page`);
  }
  for (const [, told] of page.matchAll(/^### (Nightshift\w+)$/gm))
    t.ok(names.includes(told!), `${told} is a rule`);
});

await t.test('every query closes what it opens, and names a metric', async (t) => {
  for (const query of queries()) {
    t.ok(isBalanced(query), query);
    t.ok(selectorsIn(query).length > 0 || query.startsWith('up{'), query);
  }
  t.notOk(isBalanced('rate(x[5m)]'));
});

await t.test('panels have a title, and none lies on another', async (t) => {
  const panels = dashboardPanels() as unknown as {
    title: string;
    gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
  }[];
  const taken = new Set<string>();
  for (const { title, gridPos } of panels) {
    t.ok(title.length > 0);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        if (taken.has(`${x},${y}`)) t.fail(`${title} lies on another`);
        taken.add(`${x},${y}`);
      }
    }
  }
});
