import { hostname } from 'node:os';
import t from 'tap';
import { jsonLog } from '../../../src/adapters/json-log.ts';
import { humanLog, silentLog } from '../../../src/adapters/log.ts';

function paper() {
  const lines: string[] = [];
  return { lines, write: (text: string) => lines.push(text), writableLength: 0 };
}

await t.test(
  'a JSON line is as pino writes it: numbered level, time, pid, hostname, name, fields, msg',
  async (t) => {
    const out = paper();
    const before = Date.now();
    jsonLog(out, { name: 'nightshift-agent' }).log('warn', 'order-refused', {
      code: 'REPLAYED',
      count: 3,
      known: true,
    });
    const line = JSON.parse(out.lines.join(''));
    t.same(Object.keys(line), ['level', 'time', 'pid', 'hostname', 'name', 'code', 'count', 'known', 'msg']);
    t.match(line, { level: 40, name: 'nightshift-agent', code: 'REPLAYED', count: 3, known: true });
    t.match(line, { msg: 'order-refused', pid: process.pid, hostname: hostname() });
    t.ok(line.time >= before && line.time <= Date.now());
    for (const [level, number] of [
      ['debug', 20],
      ['info', 30],
      ['error', 50],
    ] as const) {
      const one = paper();
      jsonLog(one, { level: 'debug' }).log(level, 'x');
      t.equal(JSON.parse(one.lines.join('')).level, number);
    }
    t.ok(out.lines[0]?.endsWith('\n'));
    t.equal(out.lines[0]?.indexOf('\n'), (out.lines[0]?.length ?? 0) - 1);
  },
);

await t.test('fields cannot forge what the line says of itself', async (t) => {
  const out = paper();
  jsonLog(out).log('warn', 'real', { level: 50, time: 0, pid: 1, hostname: 'forged', msg: 'forged' });
  const line = JSON.parse(out.lines[0] ?? '');
  t.match(line, { level: 40, msg: 'real', pid: process.pid, hostname: hostname() });
  t.not(line.time, 0);
});

await t.test('no secret is printed, by name or by look', async (t) => {
  const canary = 'CANARY-7f3a';
  const pem = `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----`;
  const out = paper();
  for (const log of [jsonLog(out, { level: 'debug' }), humanLog(out, { level: 'debug' })]) {
    log.log('error', 'x', { password: canary, apiToken: canary, clientSecret: canary, privateKey: canary });
    log.log('error', 'x', { url: `mqtts://user:${canary}@broker:8883/`, text: `before ${pem} after` });
    log.log('error', 'x', { cut: pem.slice(0, -20) });
  }
  t.notMatch(out.lines.join(''), canary);
  t.match(out.lines.join(''), 'before');
});

await t.test('long values are shortened and many fields are cut', async (t) => {
  const out = paper();
  const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, 'x'.repeat(100_000)]));
  jsonLog(out).log('info', 'x', fields);
  t.ok((out.lines[0]?.length ?? 0) < 20_000);
});

await t.test('text from the network cannot drive a terminal', async (t) => {
  const out = paper();
  humanLog(out).log('info', 'name', { text: '\u001b[2J\nforged line\u202e' });
  t.notMatch(out.lines[0]?.slice(0, -1), /[\p{Cc}\p{Cf}]/u);
});

await t.test('levels below the chosen one are left out, and silence is silent', async (t) => {
  const out = paper();
  jsonLog(out, { level: 'warn' }).log('info', 'quiet');
  humanLog(out).log('debug', 'quiet');
  silentLog.log('error', 'quiet');
  t.same(out.lines, []);
});

await t.test('a reader that does not keep up costs lines, and is told how many', async (t) => {
  const out = paper();
  const log = jsonLog(out);
  out.writableLength = 2 ** 21;
  for (let i = 0; i < 5; i += 1) log.log('info', 'lost');
  t.same(out.lines, []);
  out.writableLength = 0;
  log.log('info', 'kept');
  t.match(out.lines.join(''), '"count":5');
});
