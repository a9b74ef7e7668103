import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { jsonLog } from '../../src/adapters/json-log.ts';
import { openOtlpExporter, otlpUrl } from '../../src/adapters/otlp-exporter.ts';
import { milliseconds, toHex } from '../../src/base/index.ts';
import { orderTracer, parseTraceparent } from '../../src/fleet/index.ts';
import type { Span } from '../../src/ports/index.ts';
import { ColdHost } from '../kit/cold-host.ts';

const CANARY = 'canary-path';
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const host = await ColdHost.start({
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc', CANARY), 'x');
  },
});
t.teardown(() => host.close());
const lines: string[] = [];
const log = jsonLog({ write: (text) => lines.push(text) }, { level: 'debug' });
host.onLog = (level, event, fields) => log.log(level, event, fields);

/** What is logged of this order. */
const linesOf = (id: Uint8Array): Record<string, unknown>[] =>
  lines.map((line) => JSON.parse(line)).filter(({ order }) => order === toHex(id));

function traced(parent?: string): Span[] {
  const spans: Span[] = [];
  host.tracer = orderTracer({
    entropy: systemEntropy,
    now: () => performance.timeOrigin + performance.now(),
    emit: (more) => spans.push(...more),
    parent,
  });
  return spans;
}

await t.test('without a trace nothing of one is said anywhere, and each line tells its order', async (t) => {
  await host.give('file.list', { path: '/etc' });
  const [receipt] = host.said('receipt').slice(-1);
  t.notHas(receipt, { trace: /./ });
  const said = linesOf(receipt!.id);
  t.match(said.at(-1), { msg: 'order.ended', level: 30, verb: 'file.list', outcome: 'succeeded' });
  t.notHas(said.at(-1), { trace_id: /./ });
});

await t.test('a trace goes with the order, and comes back in receipt and log', async (t) => {
  const spans = traced(PARENT);
  await host.give('file.stat', { path: `/etc/${CANARY}-none` });
  const [receipt] = host.said('receipt').slice(-1);
  const trace = receipt!.trace!;
  t.match(
    trace,
    /^00-4bf92f3577b34da6a3ce929d0e0e4736-[\da-f]{16}-01$/,
    'the trace of whoever gave the order',
  );
  const [root, ...below] = spans;
  t.equal(root!.spanId, trace.slice(36, 52));
  t.equal(root!.parentId, '00f067aa0ba902b7');
  t.match(root!.attributes, { 'nightshift.outcome': 'refused', 'nightshift.code': 'NO_SUCH_FILE' });
  t.same(
    below.map(({ name, by }) => [name, by]),
    [
      ['send', 'operator'],
      ['await', 'operator'],
      ['file.stat', 'device'],
    ],
  );
  for (const span of below) {
    t.equal(span.parentId, root!.spanId);
    t.ok(span.start >= root!.start && span.end <= root!.end && span.start <= span.end, span.name);
  }
  const device = below.at(-1)!;
  t.equal(device.attributes['nightshift.took_ms'], receipt!.tookMs);
  const fields = {
    trace_id: trace.slice(3, 35),
    span_id: root!.spanId,
    outcome: 'refused',
    code: 'NO_SUCH_FILE',
  };
  t.match(linesOf(receipt!.id).at(-1), { msg: 'order.ended', ...fields });
  t.notMatch(JSON.stringify(spans), CANARY, 'no path is told');
});

await t.test(
  'progress of a long task says the trace too, and a trace that is not sampled is only carried',
  async (t) => {
    const spans = traced(PARENT.replace(/01$/, '00'));
    await host.put('/etc/large', new Uint8Array(600_000).fill(7));
    const [receipt] = host.said('receipt').slice(-1);
    t.match(receipt!.trace, /-00$/);
    const progress = host.said('progress').filter(({ id }) => toHex(id) === toHex(receipt!.id));
    t.ok(progress.length > 0);
    for (const said of progress) t.equal(said.trace, receipt!.trace);
    t.same(spans, []);
  },
);

await t.test('an order whose trace is none is neither signed nor taken', async (t) => {
  for (const trace of [
    'x',
    PARENT.toUpperCase(),
    `${PARENT}0`,
    PARENT.replace(/^00/, 'ff'),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    7,
  ]) {
    await t.rejects(host.packet({ trace }), {
      code: 'NS_ORDER_INVALID',
      message: /"trace" is not acceptable/,
    });
  }
  for (const text of [
    undefined,
    '',
    'x',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    PARENT.replace(/^00/, 'ff'),
  ])
    t.equal(parseTraceparent(text), undefined);
  const later = PARENT.replace(/^00/, '01');
  t.match(
    parseTraceparent(`${later}-and-more`),
    { flags: 1 },
    'a later version is read as far as it is known',
  );
});

await t.test('spans are delivered by OTLP, the device as a resource of its own', async (t) => {
  const bodies: string[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
      response.end('{}');
    });
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
  const { port } = collector.address() as AddressInfo;
  const told: string[] = [];
  const exporter = openOtlpExporter({
    url: `http://127.0.0.1:${port}`,
    version: '1',
    warn: (sentence) => told.push(sentence),
  });
  const spans = traced();
  await host.give('machine.status', {});
  exporter.add(spans);
  await exporter.close();
  collector.closeAllConnections();
  await new Promise((done) => collector.close(done));
  t.match(bodies[0], /^POST \/v1\/traces application\/json /);
  const { resourceSpans } = JSON.parse(bodies[0]!.replace(/^\S+ \S+ \S+ /, ''));
  t.match(resourceSpans, [
    { resource: { attributes: [{ key: 'service.name', value: { stringValue: 'nightshift' } }] } },
    {
      resource: {
        attributes: [{ value: { stringValue: 'nightshift-agent' } }, { value: { stringValue: 'host1' } }],
      },
    },
  ]);
  const [root] = resourceSpans[0].scopeSpans[0].spans;
  t.match(root, { name: 'order machine.status', kind: 3, traceId: /^[\da-f]{32}$/, spanId: /^[\da-f]{16}$/ });
  t.match(root.startTimeUnixNano, /^\d{19}$/);
  t.match(root.events, [{ name: 'accepted' }, { name: 'receipt' }]);
  t.same(told, []);
});

await t.test('a collector that is not there is told of once, and holds nothing up', async (t) => {
  const told: string[] = [];
  const exporter = openOtlpExporter({
    url: 'http://127.0.0.1:1/v1/traces',
    version: '1',
    warn: (sentence) => told.push(sentence),
    patience: milliseconds(2000),
  });
  const spans = traced();
  await host.give('machine.status', {});
  for (let n = 0; n < 5000; n += 1) exporter.add(spans);
  await exporter.close();
  t.equal(told.length, 1);
  t.equal(otlpUrl('http://127.0.0.1:4318'), 'http://127.0.0.1:4318/v1/traces');
  for (const url of ['x', 'ftp://x', 'http://user:pass@x'])
    t.throws(() => otlpUrl(url), { code: 'NS_CONFIG_INVALID' });
});
