import t from 'tap';
import { systemEntropy } from '../../../src/adapters/entropy.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { hours } from '../../../src/base/index.ts';
import { judgeRequest, Session } from '../../../src/web/index.ts';

const cookieOf = (header: string | undefined): string => (header ?? '').split(';')[0] ?? '';

await t.test('the link opens the session once', async (t) => {
  const session = new Session(new VirtualClock(), systemEntropy, hours(12));
  t.notOk(session.holds('nightshift='), 'not before');
  t.equal(session.open(session.token.replace(/.$/, 'x')), undefined);
  t.equal(session.open(''), undefined);
  const header = session.open(session.token);
  t.match(header, /^nightshift=[0-9a-f]{64}; Path=\/[0-9a-f]{64}\/; HttpOnly; SameSite=Strict$/);
  t.equal(session.open(session.token), undefined);
  t.ok(session.holds(cookieOf(header)));
  t.ok(session.holds(`other=1; ${cookieOf(header)}; third=2`), 'beside cookies of other programs');
  t.notOk(session.holds(undefined));
  t.notOk(session.holds(`nightshift=${session.token}`), 'the token of the link is not the cookie');
  t.notOk(session.holds(`x${cookieOf(header)}`));
  t.notOk(session.holds(`${'a=b; '.repeat(2000)}${cookieOf(header)}`), 'a header without end is not read');
});

await t.test('a session ends, however long its page stays open', async (t) => {
  const clock = new VirtualClock();
  const session = new Session(clock, systemEntropy, hours(12));
  const cookie = cookieOf(session.open(session.token));
  await clock.advance(hours(11));
  t.ok(session.holds(cookie));
  await clock.advance(hours(1));
  t.notOk(session.holds(cookie));
});

await t.test('two sessions have nothing in common', async (t) => {
  const [a, b] = [0, 0].map(() => new Session(new VirtualClock(), systemEntropy, hours(12)));
  t.not(a?.token, b?.token);
  t.not(a?.base, b?.base);
});

const AT = '127.0.0.1:4000';
const HEADERS = {
  host: AT,
  origin: undefined,
  cookie: undefined,
  contentType: undefined,
  fetchSite: undefined,
};
const POST = { ...HEADERS, origin: `http://${AT}`, contentType: 'application/json' };

await t.test('only the page itself is answered', async (t) => {
  t.equal(judgeRequest({ method: 'GET', headers: HEADERS }, AT), undefined);
  t.equal(judgeRequest({ method: 'GET', headers: { ...HEADERS, fetchSite: 'none' } }, AT), undefined);
  t.equal(judgeRequest({ method: 'POST', headers: { ...POST, fetchSite: 'same-origin' } }, AT), undefined);
  for (const [what, method, headers] of [
    ['another name', 'GET', { ...HEADERS, host: 'evil.example:4000' }],
    ['a name that is like it', 'GET', { ...HEADERS, host: 'localhost:4000' }],
    ['no name', 'GET', { ...HEADERS, host: undefined }],
    ['a page of somebody else that reads', 'GET', { ...HEADERS, fetchSite: 'cross-site' }],
    ['a page of another port that reads', 'GET', { ...HEADERS, fetchSite: 'same-site' }],
    ['no origin', 'POST', { ...POST, origin: undefined }],
    ['an origin by TLS', 'POST', { ...POST, origin: `https://${AT}` }],
    ['an origin that begins as it', 'POST', { ...POST, origin: `http://${AT}.evil.example` }],
    ['a form', 'POST', { ...POST, contentType: 'application/x-www-form-urlencoded' }],
    ['a method that is not known', 'PUT', POST],
    ['a method that asks for leave', 'OPTIONS', POST],
  ] as const) {
    t.type(judgeRequest({ method, headers }, AT), 'string', what);
  }
});
