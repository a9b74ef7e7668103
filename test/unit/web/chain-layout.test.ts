import fc from 'fast-check';
import t from 'tap';
import { chainViews } from '../../../src/web/chain-view.ts';
import { type Box, layoutChain } from '../../../web/chain-layout.ts';
import { chainSentence, fitted, healthOf, roleOf } from '../../../web/chain-words.ts';
import { chainNoteOf } from '../../kit/chain-note.ts';

type Alter = Parameters<typeof chainNoteOf>[1];
const viewOf = (count: number, alter?: Alter, first = 0, all = count) => {
  const note = chainNoteOf(all, alter);
  const [view] = chainViews({ chains: [{ ...note, units: note.units.slice(first, first + count) }] });
  return view!;
};
const apart = (a: Box, b: Box): boolean =>
  a.x + a.width < b.x || b.x + b.width < a.x || a.y + a.height < b.y || b.y + b.height < a.y;

await t.test('no box lies on another, none leaves the view, and no cable crosses a box', async () => {
  fc.assert(
    fc.property(
      fc.nat(128),
      fc.integer({ min: -50, max: 4000 }),
      fc.nat(40),
      fc.nat(40),
      (count, width, before, after) => {
        const layout = layoutChain(viewOf(count, undefined, before, before + count + after), width);
        const { boxes, cables } = layout;
        for (const [i, box] of boxes.entries()) {
          if (box.x < 0 || box.y < 0) return false;
          if (box.x + box.width > layout.width || box.y + box.height > layout.height) return false;
          if (boxes.slice(i + 1).some((other) => !apart(box, other))) return false;
        }
        if (cables.length !== boxes.length - 1) return false;
        return cables.every(({ middle, from, to, upright }) => {
          if (upright ? from.x !== to.x : from.y !== to.y) return false;
          return boxes.every(
            ({ x, y, width: w, height: h }) =>
              middle.x < x || middle.x > x + w || middle.y < y || middle.y > y + h,
          );
        });
      },
    ),
    { numRuns: 60 },
  );
});

await t.test('each cable joins neighbours of the chain, from the host on', async (t) => {
  const { boxes, cables } = layoutChain(viewOf(48), 1200);
  t.equal(boxes.length, 49);
  t.equal(boxes[0]?.is, 'host');
  for (const [i, { from, to }] of cables.entries()) {
    const [a, b] = [boxes[i]!, boxes[i + 1]!];
    const touches = (box: Box, x: number, y: number): boolean =>
      x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    t.ok(touches(a, from.x, from.y) && touches(b, to.x, to.y), `cable ${i}`);
  }
  t.ok(
    boxes.every(({ width, height }) => width === 204 && height === 118),
    'as legible as in a chain of two',
  );
});

await t.test('a page of a long chain says how many units it leaves out', async (t) => {
  const { boxes } = layoutChain(viewOf(5, undefined, 7, 20), 900);
  t.same(
    boxes.flatMap((box) => (box.is === 'more' ? [box.units] : [])),
    [7, 8],
  );
});

await t.test('a link is down where either end says so, and where the unit below is not heard', async (t) => {
  const generations = (alter: Alter): (number | undefined)[] =>
    layoutChain(viewOf(3, alter), 900).cables.map(({ generation }) => generation);
  t.same(generations(undefined), [3, 3, 3]);
  t.same(
    generations((unit, i) => (i === 0 ? { ...unit, linkUp: 0 } : unit)),
    [0, 3, 3],
  );
  t.same(
    generations((unit, i) => (i === 1 ? { ...unit, linkDown: 1 } : unit)),
    [3, 3, 1],
  );
  t.same(
    generations((unit, i) => (i > 0 ? { ...unit, heard: false } : unit)),
    [3, 0, undefined],
  );
});

await t.test('how a unit is, is a mark and a word, the worst first', async (t) => {
  const health = (alter: Alter, more: object = {}) => {
    const view = { ...viewOf(1, alter), ...more };
    return healthOf(view.units[0]!, view);
  };
  t.match(health(undefined), { mark: '✓', word: 'well', tone: 'good' });
  t.match(
    health((unit) => ({ ...unit, heard: false })),
    { mark: '?', tone: 'bad' },
  );
  t.match(
    health((unit) => ({ ...unit, drive: undefined })),
    { mark: '!', word: 'no drive' },
  );
  t.match(
    health((unit) => ({ ...unit, driveLink: 0 })),
    { mark: '✕', tone: 'bad' },
  );
  t.match(
    health((unit) => ({ ...unit, dsi: { raw: 0, flags: ['failed'] } })),
    { mark: '✕', word: /failed/ },
  );
  const { unit } = viewOf(1).units[0]!;
  const trouble = { code: 'missing-local', sentence: '', remedy: '', units: [unit] };
  t.match(health(undefined, { troubles: [trouble] }), { mark: '✕', word: 'FAULT: missing-local' });
  const three = viewOf(3);
  const troubles = three.units.map((each) => ({ ...trouble, code: 'missing-below', units: [each.unit] }));
  t.same(
    three.units.map((each) => healthOf(each, { ...three, troubles }).mark),
    ['!', '!', '✕'],
    'a fault is where it is, and not in all units above',
  );
  const array = { kind: '', state: 'copying', sentence: `rebuild of 00 onto ${unit}: 3 %` };
  t.match(health(undefined, { array }), { mark: '↻', word: 'behind: being copied' });
  t.equal(
    roleOf(viewOf(1, (u) => ({ ...u, dsi: { raw: 0, flags: ['raid-role 2'] } })).units[0]!),
    'mirror, second copy',
  );
  t.match(chainSentence(viewOf(2)), /2 units, none with a fault/);
  t.equal(fitted('a😀'.repeat(9), 4), 'a😀a…', 'no character is cut in two');
});
