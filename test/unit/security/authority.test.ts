import t from 'tap';
import { VERBS, type Verb } from '../../../src/protocol/index.ts';
import { authorise, checkAudience, ROLES, type Role } from '../../../src/security/index.ts';

const verbs = Object.keys(VERBS) as readonly Verb[];
const may = (role: Role) => verbs.filter((verb) => authorise(role, { verb }, { via: 'mqtt' }).ok).toSorted();

await t.test('each role may do its own work and nothing else', async (t) => {
  const hands = verbs
    .filter((verb) =>
      /^(file|memory|io|sensor|chain|task|clock|volume|staged|agent|media)\.|^machine\.status$|^keyring\.read$|^budget\.read$/.test(
        verb,
      ),
    )
    .toSorted();
  t.strictSame(may('operator'), hands);
  t.strictSame(
    may('technician'),
    hands.filter((verb) => !['volume.upload', 'agent.update', 'media.offer'].includes(verb)),
  );
  t.strictSame(may('security'), [
    'agent.firmware',
    'audit.read',
    'budget.read',
    'budget.update',
    'chain.status',
    'chain.sync',
    'clock.set',
    'keyring.read',
    'keyring.update',
    'machine.disable',
    'machine.enable',
    'machine.status',
    'media.withdraw',
    'staged.list',
    'task.list',
  ]);
  t.strictSame(may('auditor'), [
    'agent.firmware',
    'audit.read',
    'budget.read',
    'chain.status',
    'keyring.read',
    'machine.status',
    'staged.list',
    'task.list',
  ]);
  t.strictSame(may('root'), ['keyring.read', 'keyring.update'], 'root keys order nothing but keyrings');
  t.strictSame(may('governor'), [], 'who holds the budget orders nothing');
  t.equal(ROLES.length, 6);
});

await t.test('whoever replaces drives does not also decide that a missing one is not missed', async (t) => {
  const args = { action: { do: 'accept' as const, question: new Uint8Array(8) } };
  const may = (role: Role) => authorise(role, { verb: 'chain.sync', args }, { via: 'mqtt' });
  t.ok(may('operator').ok);
  t.ok(may('security').ok);
  t.match(may('technician'), { refusal: { code: 'NOT_PERMITTED', remedy: /operator or security/ } });
  const resync = { action: { do: 'resync' as const } };
  t.ok(authorise('technician', { verb: 'chain.sync', args: resync }, { via: 'mqtt' }).ok);
});

await t.test('a refusal says who may', async (t) => {
  t.match(authorise('operator', { verb: 'machine.disable' }, { via: 'console' }), {
    ok: false,
    refusal: { code: 'NOT_PERMITTED', sentence: /operator.*machine\.disable.*console/, remedy: /security/ },
  });
});

await t.test('an order is for one device by name, or for those in a group', async (t) => {
  const to = (kind: 'device' | 'group', name: string) =>
    checkAudience({ aud: { to: kind, name } }, 'host1', ['rack1']).ok;
  t.ok(to('device', 'host1'));
  t.ok(to('group', 'rack1'));
  t.notOk(to('device', 'host2'));
  t.notOk(to('device', 'rack1'));
  t.notOk(to('group', 'host1'));
  t.match(checkAudience({ aud: { to: 'device', name: 'host2' } }, 'host1', []), {
    refusal: { code: 'WRONG_AUDIENCE', sentence: /host2/ },
  });
});
