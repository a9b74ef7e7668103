import type { ArgsOf } from '../../../src/protocol/index.ts';
import { signOrder } from '../../../src/security/index.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Attacker } from '../attacker.ts';
import { bytesOf, many, one, signatureBy } from '../forge.ts';
import { goodToken, type Move } from '../move.ts';
import { TENANT } from '../site.ts';

type Deletion = ArgsOf<'file.delete'>;

/** At the door by its words alone, or when the task has looked where they lead. */
const REFUSED = [
  'NEEDS_TWO_PEOPLE',
  'NEEDS_TOKEN',
  'PATH_PROTECTED',
  'PATH_INVALID',
  'NOT_FOUND',
  'NO_SUCH_FILE',
  'IS_A_DIRECTORY',
  'DIRECTORY_NOT_EMPTY',
  'TOO_MANY_FILES',
  'IS_A_SYMLINK',
] as const;

/** Hosts whose disks are really read by a move that a door lets in. */
const FEW = 4;

/** By one operator, as any other order. */
function alone(words: string, args: Deletion, more: Partial<Move> = {}): Move {
  return {
    words,
    fails: REFUSED,
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const body = a.order('olga', host, 'file.delete', args);
        return one(bytesOf(body), { key: a.key('olga') });
      }),
    ...more,
  };
}

/** By both who may delete, as it takes for a wipe. */
async function together(
  a: Attacker,
  host: SimFleetHost,
  args: Deletion,
  token?: Uint8Array,
): Promise<Uint8Array> {
  const payload = bytesOf(a.order('olga', host, 'file.delete', args, token && { token }));
  return many(payload, [
    await signatureBy(payload, { key: a.key('olga') }),
    await signatureBy(payload, { key: a.key('tom') }),
  ]);
}

const everything: Deletion = { path: '/home', recursive: true };
const control: NonNullable<Move['control']> = (a, host) =>
  a.strike([host], async () => together(a, host, everything, await goodToken(a, host, 'wipe')));

const put =
  (path: string, change: object): Move['run'] =>
  (a, hosts) =>
    a.strike(hosts, async (host) =>
      one(
        bytesOf(
          a.order('olga', host, 'file.download', {
            path,
            size: 3,
            sha256: new Uint8Array(32),
            ...change,
          }),
        ),
        { key: a.key('olga') },
      ),
    );

/** For whoever holds the keys of all who may delete, and no governor's. */
export const WIPE_MOVES: readonly Move[] = [
  alone('one operator deletes all below /home', everything, { control, harm: 'wiped' }),
  alone('one operator deletes all there is', { path: '/', recursive: true }),
  alone('one operator deletes what matches /*, and all below', { path: '/*', recursive: true }),
  {
    words: 'operator and technician delete all below /home together, without a token',
    fails: ['NEEDS_TOKEN'],
    run: (a, hosts) => a.strike(hosts, (host) => together(a, host, everything)),
    control,
    harm: 'wiped',
  },
  {
    words: "operator and technician delete together, with a token under the governor's name",
    fails: ['TOKEN_INVALID'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const forger = { ...a.key('olga'), publicKey: a.publicKey('gus') };
        const token = await a.tokenBy(forger, { epoch: 1_000_000, n: 1, device: host.name, for: 'wipe' });
        return together(a, host, everything, token);
      }),
    control,
    harm: 'wiped',
  },
  {
    words: 'a dry run of the deletion is approved, and its effect ordered',
    fails: REFUSED,
    at: FEW,
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const body = a.order('olga', host, 'file.delete', everything, { effect: new Uint8Array(32).fill(1) });
        return one(bytesOf(body), { key: a.key('olga') });
      }),
  },
  alone('one operator deletes a program of the system', { path: '/usr/bin/true' }),
  alone('the same in capitals', { path: '/USR/Bin/true' }, { at: FEW }),
  alone('the same with slashes and dots between', { path: '//usr/.//bin///true' }, { at: FEW }),
  alone('the same by way of /home', { path: '/home/../usr/bin/true' }, { at: FEW }),
  alone('the same through a link of the disk', { path: '/bin/true' }, { at: FEW }),
  alone("the same through a user's link to /usr", { path: '/home/olga/u/bin/true' }, { at: FEW }),
  alone("the same through a user's link to the root", { path: '/home/olga/slash/usr/bin/true' }, { at: FEW }),
  alone('the same as a pattern', { path: '/[u]sr/b*/tru?' }, { at: FEW }),
  alone('everything in /usr/bin as a pattern', { path: '/usr/bin/*' }),
  alone('the same with the volume named', { volume: 'disk0p1', path: '/usr/bin/true' }),
  alone('the same with the volume named by its label', { volume: 'LABEL=root', path: '/usr/bin/true' }),
  alone('the link /bin itself', { path: '/bin' }),
  alone('the kernel, by pattern', { path: '/boot/vmlinu?' }, { at: FEW }),
  alone(
    '300 files of a user, as a pattern',
    { path: '/home/olga/many/*' },
    { at: FEW, fails: ['BUDGET_SPENT'] },
  ),
  {
    words: 'a program of the system is replaced by other bytes',
    fails: REFUSED,
    run: put('/usr/bin/sh', { replace: true }),
  },
  {
    words: 'the list of users is replaced through a link in /home',
    fails: REFUSED,
    at: FEW,
    run: put('/home/olga/p', { replace: true }),
  },
  {
    words: 'the kernel is replaced',
    fails: REFUSED,
    run: put('/boot/vmlinuz', { replace: true }),
  },
  {
    words: 'a unit that deletes everything is put where the system starts it',
    fails: REFUSED,
    run: put('/etc/systemd/system/wipe.service', { parents: true }),
  },
  {
    words: "a key that opens the administrator's account is put",
    fails: REFUSED,
    run: put('/root/.ssh/authorized_keys', { parents: true }),
  },
  {
    words: 'one operator orders a delete with two signatures of her own',
    fails: ['ENVELOPE_INVALID'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const order = a.order('olga', host, 'file.delete', everything);
        const signature = await signatureBy(bytesOf(order), { key: a.key('olga') });
        return many(bytesOf(order), [signature, signature]);
      }),
  },
  {
    words: 'an operator disables',
    fails: ['NEEDS_TWO_PEOPLE', 'NOT_PERMITTED'],
    run: (a, hosts) =>
      a.strike(hosts, (host) =>
        signOrder(a.order('olga', host, 'machine.disable', {}), a.key('olga'), TENANT, [a.key('tom')]),
      ),
  },
];
