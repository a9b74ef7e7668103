import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { KeyStore } from '../../src/ports/index.ts';
import { keyStoreOf } from '../../src/security/index.ts';

/** A key file whose passphrase is stretched little, as other programs make them: for tests that open it often. */
export function quickKeyFile(path: string, passphrase: string | undefined): KeyStore {
  const { privateKey } = generateKeyPairSync('ed25519');
  const sealing = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem', ...sealing }), { mode: 0o600 });
  return keyStoreOf(privateKey);
}
