import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { openKeyFile } from '../src/adapters/key-files.ts';
import { boardDescription, flashLayout } from '../src/board/index.ts';
import type { KeyStore } from '../src/ports/index.ts';
import { publicKeyFromText, publicKeyText } from '../src/security/index.ts';
import { packFirmware } from './firmware-image.ts';
import type { RaucSigning } from './rauc.ts';
import { sourceDate } from './source-date.ts';
import { ROOT } from './systems.ts';
import type { Compression } from './trees.ts';

const OPTIONS = {
  board: { type: 'string' },
  out: { type: 'string' },
  key: { type: 'string' },
  compression: { type: 'string', default: 'xz' },
  factory: { type: 'string' },
  rollback: { type: 'string', default: '0' },
  'firmware-version': { type: 'string' },
  trust: { type: 'string', multiple: true },
  'rauc-cert': { type: 'string' },
  'rauc-key': { type: 'string' },
  'rauc-format': { type: 'string', default: 'verity' },
  release: { type: 'boolean', default: false },
  help: { type: 'boolean' },
} as const;

const HELP = `npm run flash -- --board BOARD [options]

Packs the firmware of a board: an image of its flash, an update (.nsfw), the list of what is in it, and licences.

  --out DIR            where to put them; by default dist/flash/BOARD
  --key FILE           signing key (Ed25519, PEM); by default the test key, which --release refuses
  --compression KIND   xz (default, smallest: 64 MiB of NOR take no other), zstd or lz4
  --factory DIR        files for the device's state directory at its first start
  --rollback NUMBER    rollback index; by default 0
  --firmware-version   by default that of package.json
  --rauc-cert FILE     with --rauc-key: a bundle for RAUC too, signed by this certificate (P-256 or RSA, PEM)
  --rauc-key FILE      its key
  --rauc-format KIND   verity (default), or plain for systems without dm-verity
  --trust KEY          a further public key (ed25519:…) whose updates the board takes; may be given again
  --release            for the field: refuses keys that anybody knows, here and on the board
`;

const TEST_KEY = join(ROOT, 'flash/test-key.pem');

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, allowPositionals: false });
  if (values.help === true || values.board === undefined) {
    process.stdout.write(HELP);
    process.exitCode = values.help === true ? 0 : 2;
    return;
  }
  const board = v.parse(boardDescription, readJson(`boards/${values.board}/board.json`));
  if (board.flash === undefined || board.firmware === undefined)
    throw new Error(`the board ${board.name} says nothing of its flash and firmware`);
  const layout = v.parse(flashLayout, readJson(`flash/layouts/${board.flash.layout}.json`));
  if (layout.size > board.flash.size)
    throw new Error(
      `the layout ${layout.name} needs ${layout.size} bytes; ${board.name} has ${board.flash.size}`,
    );
  if (values.release && values.key === undefined)
    throw new Error('a release is signed by a key of its own: give --key');
  const out = resolve(values.out ?? join(ROOT, 'dist/flash', board.name));
  const work = mkdtempSync(join(tmpdir(), 'nightshift-flash-'));
  try {
    await packFirmware({
      board,
      layout,
      out,
      work,
      signer: await signerOf(values.key, work),
      trust: (values.trust ?? []).map((text) => publicKeyText(publicKeyFromText(text))),
      release: values.release,
      rauc: raucOf(values['rauc-cert'], values['rauc-key'], values['rauc-format']),
      compression: compressionOf(values.compression),
      factory: values.factory,
      rollback: rollbackOf(values.rollback),
      version: values['firmware-version'] ?? (readJson('package.json') as { version: string }).version,
      date: sourceDate(),
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A key of its own is kept from others by whoever has it; the test key is everybody's. */
async function signerOf(key: string | undefined, work: string): Promise<KeyStore> {
  if (key !== undefined) return openKeyFile(key);
  const copy = join(work, 'test-key.pem');
  writeFileSync(copy, readFileSync(TEST_KEY), { mode: 0o600 });
  return openKeyFile(copy);
}

function raucOf(
  certificate: string | undefined,
  key: string | undefined,
  format: string,
): RaucSigning | undefined {
  if (format !== 'verity' && format !== 'plain')
    throw new Error(`--rauc-format is verity or plain, not "${format}"`);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw new Error('a bundle for RAUC needs both --rauc-cert and --rauc-key');
  return { certificate, key, format };
}

function compressionOf(text: string): Compression {
  if (text === 'xz' || text === 'zstd' || text === 'lz4') return text;
  throw new Error(`--compression is xz, zstd or lz4, not "${text}"`);
}

function rollbackOf(text: string): number {
  const index = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(index)) return index;
  throw new Error(`--rollback is a whole number, not "${text}"`);
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

main().catch((error: unknown) => {
  process.stderr.write(`flash: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
