import t from 'tap';
import type { Order } from '../../../src/protocol/index.ts';
import { encode } from '../../../src/protocol/index.ts';
import { sign1 } from '../../../src/security/cose.ts';
import {
  cosignOrder,
  destructionOf,
  draftOrder,
  isSystemPath,
  needsTwoPeople,
  openOrder,
  SYSTEM_PATHS,
  signOrder,
} from '../../../src/security/index.ts';
import { orderContext } from '../../../src/security/order-context.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const kindOf = (verb: string, args: object) => destructionOf({ verb, args } as Pick<Order, 'verb' | 'args'>);

await t.test('what takes a token, and what does not', async (t) => {
  const put = { size: 1, sha256: new Uint8Array(32) };
  const rows: readonly [string, object, string | undefined][] = [
    ['machine.disable', {}, 'lock'],
    ['machine.disable', { dryRun: true }, undefined],
    ['machine.enable', {}, undefined],
    ['media.offer', put, 'wipe'],
    ['media.offer', { ...put, dryRun: true }, undefined],
    ['media.withdraw', {}, undefined],
    ['file.delete', { path: '/srv/x' }, undefined],
    ['file.delete', { path: '/srv/x', recursive: true }, 'wipe'],
    ['file.delete', { path: '/srv/x', recursive: true, dryRun: true }, undefined],
    ['file.delete', { path: '/srv/x', recursive: true, dryRun: false }, 'wipe'],
    ['file.delete', { path: '/ETC//passwd' }, 'wipe'],
    ['file.delete', { path: '/u\u017fr/bin/x' }, 'wipe'],
    ['file.download', { path: '/EF\u0131/BOOT/x.efi', ...put }, 'wipe'],
    ['file.delete', { path: '/etc' }, 'wipe'],
    ['file.delete', { path: '/' }, 'wipe'],
    ['file.delete', { path: '/etc/motd' }, undefined],
    ['file.delete', { path: '/usrlocal' }, undefined],
    ['file.delete', { path: '/vmlinuz-6.1' }, 'wipe'],
    ['file.delete', { path: '/initramfs-linux.img' }, 'wipe'],
    ['file.delete', { path: '/srv/vmlinuz' }, undefined],
    ['file.delete', { path: '/vmlinuz-6.1/x' }, undefined],
    ['file.delete', { path: '/kernel8.img' }, 'wipe'],
    ['file.download', { path: '/grub/grub.cfg', replace: true, ...put }, 'wipe'],
    ['file.download', { path: '/etc/passwd', replace: true, ...put }, 'wipe'],
    ['file.download', { path: '/etc/passwd', ...put }, 'wipe'],
    ['file.download', { path: '/etc/cron.d/new', ...put }, 'wipe'],
    ['file.download', { path: '/etc/cron.d/new', dryRun: true, ...put }, undefined],
    ['file.download', { path: '/etc/rcS.d/S01new', ...put }, 'wipe'],
    ['file.download', { path: '/etc/rc2.d/S99new', ...put }, 'wipe'],
    ['file.download', { path: '/etc/NetworkManager/dispatcher.d/new', ...put }, 'wipe'],
    ['file.download', { path: '/etc/network/if-up.d/new', ...put }, 'wipe'],
    ['file.download', { path: '/etc/network/interfaces', ...put }, undefined],
    ['file.download', { path: '/etc/nsswitch.conf', ...put }, 'wipe'],
    ['file.download', { path: '/etc/sysctl.d/new.conf', ...put }, 'wipe'],
    ['file.download', { path: '/etc/logrotate.d/new', ...put }, 'wipe'],
    ['file.download', { path: '/startup.nsh', ...put }, 'wipe'],
    ['file.download', { path: '/init', ...put }, 'wipe'],
    ['file.download', { path: '/spool/cron/crontabs/root', ...put }, 'wipe'],
    ['file.download', { path: '/local/sbin/new', ...put }, 'wipe'],
    ['file.download', { path: '/local/share/new', ...put }, undefined],
    ['file.download', { path: '/hiberfil.sys', ...put }, 'wipe'],
    ['file.download', { path: '/etc/motd', ...put }, undefined],
    ['file.download', { path: '/EFI/BOOT/BOOTX64.EFI', replace: true, ...put }, 'wipe'],
    ['file.download', { path: '/srv/x', replace: true, ...put }, undefined],
    ['file.download', { path: '/srv/x', mode: 0o755, ...put }, undefined],
    ['file.download', { path: '/srv/x', mode: 0o4755, ...put }, 'wipe'],
    ['file.download', { path: '/srv/x', mode: 0o2755, ...put }, 'wipe'],
    ['file.download', { path: '/srv/x', mode: 0o4755, dryRun: true, ...put }, undefined],
    ['file.upload', { path: '/etc/shadow' }, undefined],
    ['keyring.update', { document: new Uint8Array(1) }, undefined],
    ['machine.status', {}, undefined],
  ];
  for (const [verb, args, kind] of rows) t.equal(kindOf(verb, args), kind, `${verb} ${JSON.stringify(args)}`);
  for (const path of SYSTEM_PATHS) {
    t.ok(isSystemPath(path.toUpperCase()));
    t.ok(isSystemPath(`${path}/below`));
    t.notOk(isSystemPath(`${path}2`) && !SYSTEM_PATHS.some((other) => other === `${path}2`), path);
  }
});

await t.test('a wipe takes two people, in the one form for that', async (t) => {
  const [olga, otto, sam] = [testKey(), testKey(), testKey()];
  const keyring = testKeyring({ olga: [olga, 'operator'], otto: [otto, 'operator'], sam: [sam, 'security'] });
  const wipe = () => testOrder(olga, { verb: 'file.delete', args: { path: '/srv', recursive: true } });
  t.ok(needsTwoPeople(wipe()));
  const single = testOrder(olga, { verb: 'file.delete', args: { path: '/srv/x' } });
  t.notOk(needsTwoPeople(single));
  const open = (packet: Uint8Array) => {
    const opened = openOrder(packet, keyring, { tenant: 'acme' });
    return opened.ok ? opened.value.cosigners.map(({ name }) => name) : opened.refusal.code;
  };
  t.same(open(await signOrder(wipe(), olga, 'acme', [otto])), ['otto']);
  t.equal(open(await draftOrder(wipe(), olga, 'acme')), 'NEEDS_TWO_PEOPLE');
  t.equal(open(await sign1(encode(wipe()).slice(), olga, orderContext('acme'))), 'NEEDS_TWO_PEOPLE');
  t.same(open(await cosignOrder(await draftOrder(wipe(), olga, 'acme'), otto, 'acme')), ['otto']);
  await t.rejects(signOrder(wipe(), olga, 'acme'), { code: 'NS_ORDER_INVALID' });
  await t.rejects(draftOrder(single, olga, 'acme'), { code: 'NS_ORDER_INVALID' });
});
