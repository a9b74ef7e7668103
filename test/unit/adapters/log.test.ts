import t from 'tap';
import { humanLog, jsonLog, silentLog } from '../../../src/adapters/log.ts';

function paper() {
  const lines: string[] = [];
  return { lines, write: (text: string) => lines.push(text), writableLength: 0 };
}

await t.test('a JSON line can be parsed and carries level, event and fields', async (t) => {
  const out = paper();
  jsonLog(out).log('warn', 'order-refused', { code: 'REPLAYED', count: 3, known: true });
  const line = JSON.parse(out.lines.join(''));
  t.match(line, { level: 'warn', event: 'order-refused', code: 'REPLAYED', count: 3, known: true });
  t.ok(out.lines[0]?.endsWith('\n'));
  t.equal(out.lines[0]?.indexOf('\n'), (out.lines[0]?.length ?? 0) - 1);
});

await t.test('fields cannot forge the level or the event', async (t) => {
  const out = paper();
  jsonLog(out).log('warn', 'real', { level: 'error', event: 'forged' });
  t.match(JSON.parse(out.lines[0] ?? ''), { level: 'warn', event: 'real' });
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
