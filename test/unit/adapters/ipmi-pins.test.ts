import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { IpmiPins, usualPinFile } from '../../../src/adapters/ipmi-pins.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-pins-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));

await t.test('what was learned is there for the next one, and for its owner only', async (t) => {
  const path = join(home, 'state', 'pins.json');
  const pins = await IpmiPins.open(path);
  t.notOk(pins.has('10.0.0.1:623'));
  pins.add('10.0.0.1:623');
  t.ok(pins.has('10.0.0.1:623'));
  await pins.save();
  t.ok((await IpmiPins.open(path)).has('10.0.0.1:623'));
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readdirSync(join(home, 'state')), ['pins.json'], 'no drafts are left');
});

await t.test('two at a time lose nothing of each other', async (t) => {
  const path = join(home, 'both.json');
  const [one, two] = [await IpmiPins.open(path), await IpmiPins.open(path)];
  one.add('a:1');
  two.add('b:1');
  await one.save();
  await two.save();
  const after = await IpmiPins.open(path);
  t.ok(after.has('a:1') && after.has('b:1'));
  t.same(await one.forget(['a:1', 'c:1']), ['a:1']);
  const last = await IpmiPins.open(path);
  t.notOk(last.has('a:1'));
  t.ok(last.has('b:1'));
});

await t.test('a damaged file is an error: to take it for an empty one would be to forget', async (t) => {
  const path = join(home, 'bad.json');
  for (const text of ['', '{', '[]', '{"v":2,"suite17":[]}', '{"v":1,"suite17":[7]}']) {
    writeFileSync(path, text);
    await t.rejects(IpmiPins.open(path), { code: 'NS_IPMI_PINS' }, JSON.stringify(text));
    t.equal(readFileSync(path, 'utf8'), text);
  }
});

await t.test('the usual place is under the state directory of its user', async (t) => {
  t.equal(usualPinFile({ XDG_STATE_HOME: '/s', HOME: '/h' }), '/s/nightshift/ipmi-pins.json');
  t.equal(usualPinFile({ HOME: '/h' }), '/h/.local/state/nightshift/ipmi-pins.json');
});
