import fc from 'fast-check';
import t from 'tap';
import { blockNodes, failingNode, whereIs } from '../../../../src/adapters/qemu-host/drive-graph.ts';

const IMAGE = '/srv/disk.img';
const node = (name: string, drv: string, file: string, size = 4096) => ({
  'node-name': name,
  drv,
  file,
  image: { 'virtual-size': size },
});
/** As QEMU 7.2 describes it. */
const AWAY = `json:${JSON.stringify({
  driver: 'raw',
  file: { 'inject-error.0.event': 'none', image: { driver: 'null-co', size: 4096 }, driver: 'blkdebug' },
})}`;
const at = (...nodes: unknown[]) => whereIs(blockNodes(nodes), 'disk0', IMAGE);

await t.test('over the image it is with the host', async (t) => {
  t.same(at(node('disk0', 'raw', IMAGE), node('#block1', 'file', IMAGE)), { is: 'host', size: 4096 });
});

await t.test(
  'over what fails it is away, but only once nothing in QEMU has the image any more',
  async (t) => {
    t.same(at(node('disk0', 'raw', AWAY), node('disk0-away', 'blkdebug', 'json:{}')), {
      is: 'away',
      size: 4096,
    });
    t.same(at(node('disk0', 'raw', AWAY), node('old', 'file', IMAGE)), {
      is: 'between',
      size: 4096,
      nodes: ['old'],
    });
  },
);

await t.test('anything else is unknown, with the reason', async (t) => {
  for (const nodes of [
    [],
    [node('other', 'raw', IMAGE)],
    [node('disk0', 'qcow2', IMAGE)],
    [node('disk0', 'raw', '/srv/other.img')],
    [node('disk0', 'raw', 'json:{"driver": "raw", "file": {"driver": "null-co"}}')],
    [node('disk0', 'raw', 'json:{')],
  ]) {
    t.equal(at(...nodes).is, 'unknown');
  }
});

await t.test('an answer of any shape is judged without an exception', async () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => Array.isArray(blockNodes(value))));
  fc.assert(fc.property(fc.string(), (file) => at(node('disk0', 'raw', file)).is !== 'away'));
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) => at(node('disk0', 'raw', `json:${JSON.stringify(value)}`)).is !== 'host',
    ),
  );
});

await t.test('the failing node is as large as the image', async (t) => {
  t.match(failingNode('disk0-away', 8192), { 'node-name': 'disk0-away', image: { size: 8192 } });
});
