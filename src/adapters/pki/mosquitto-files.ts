import { current } from './site.ts';
import type { Site } from './site-file.ts';

const FIRST_LINES = ['# Written by "nightshift pki mosquitto", which writes it anew: do not edit.'];

/**
 * A listener that takes nobody without a certificate of this site, and knows each by the common name in it. `at` is the
 * directory on the broker's machine that the files come to.
 */
export function mosquittoConf(at: string, port: number): string {
  return [
    ...FIRST_LINES,
    '# Give all of this directory to the user mosquitto; broker.key is for its owner only.',
    'per_listener_settings true',
    `listener ${port}`,
    `cafile ${at}/ca.pem`,
    `certfile ${at}/broker.pem`,
    `keyfile ${at}/broker.key`,
    `crlfile ${at}/crl.pem`,
    '# At least; TLS 1.3 where the other side has it.',
    'tls_version tlsv1.2',
    'require_certificate true',
    'use_identity_as_username true',
    'allow_anonymous false',
    `acl_file ${at}/acl`,
    '',
  ].join('\n');
}

/**
 * Who may publish and read what (docs/decisions/0001). A device: its own five topics, each in one direction; everybody reads
 * what devices tell of tokens. An operator: the other ends of the other four. A device's groups, and the neighbours that it stands for, are named one by one.
 */
export function mosquittoAcl(site: Site): string {
  const root = `ns/1/${site.tenant}`;
  const inUse = current(site);
  const names = (kind: 'device' | 'operator') =>
    inUse.filter((one) => one.kind === kind).map(({ name }) => name);
  const operators = names('operator').map((name) => [
    '',
    `user operator:${name}`,
    `topic write ${root}/d/+/cmd`,
    `topic write ${root}/d/+/blk-in`,
    `topic write ${root}/g/+/cmd`,
    `topic read ${root}/d/+/evt`,
    `topic read ${root}/d/+/blk-out`,
  ]);
  const devices = names('device').flatMap((name) => {
    const { groups = [], standsFor = [] } = site.rights[name] ?? {};
    const lines = [
      ...groups.map((group) => `topic read ${root}/g/${group}/cmd`),
      ...standsFor.flatMap((other) => [
        `topic read ${root}/d/${other}/cmd`,
        `topic write ${root}/d/${other}/evt`,
        `topic write ${root}/d/${other}/seen`,
      ]),
    ];
    return lines.length === 0 ? [] : [['', `user ${name}`, ...lines]];
  });
  return [
    ...FIRST_LINES,
    '# %u is the name in the certificate.',
    `pattern read ${root}/d/%u/cmd`,
    `pattern read ${root}/d/%u/blk-in`,
    `pattern write ${root}/d/%u/evt`,
    `pattern write ${root}/d/%u/blk-out`,
    `pattern write ${root}/d/%u/seen`,
    `pattern read ${root}/d/+/seen`,
    ...operators.flat(),
    ...devices.flat(),
    '',
  ].join('\n');
}
