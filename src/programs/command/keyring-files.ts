import { readFile, rename, writeFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parse } from 'yaml';
import { NsError, sentenceOf } from '../../base/index.ts';
import { jsonLine, type KeyringFile, readKeyringFile, showKeyring } from '../../fleet/index.ts';
import { ROLES } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import type { Context } from './context.ts';

const LARGEST = 64 * 1024;

export function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

export async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be read: ${sentenceOf(cause)}`, { cause });
  });
  if (bytes.byteLength > LARGEST) throw usage(`${path} is too large for a keyring`);
  return new Uint8Array(bytes);
}

export const openKeyringFile = async (path: string): Promise<KeyringFile> =>
  readKeyringFile(await readBytes(path));

export async function storeKeyringFile(
  path: string,
  bytes: Uint8Array,
  mode: 'new' | 'replace',
): Promise<void> {
  try {
    if (mode === 'new') return await writeFile(path, bytes, { flag: 'wx', mode: 0o644 });
    await writeFile(`${path}.new`, bytes, { mode: 0o644 });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new NsError('NS_LOCAL_FILE', `${path} cannot be written: ${sentenceOf(cause)}`, { cause });
  }
}

const pubEntry = v.object({
  name: v.string(),
  role: v.picklist(ROLES),
  key: v.string(),
  person: v.optional(v.string()),
});

/** The public half that "nightshift keys new" wrote. */
export async function readPub(path: string) {
  const bytes = await readBytes(path);
  const raw: unknown = parse(Buffer.from(bytes).toString('utf8'), { maxAliasCount: 0 });
  const shaped = v.safeParse(v.pipe(v.array(pubEntry), v.length(1)), raw);
  if (!shaped.success) throw usage(`${path} is not the public file of one key, such as olga.key.pub`);
  const [entry] = shaped.output;
  return { ...entry!, person: entry!.person ?? entry!.name };
}

export function printKeyring(context: Context, file: KeyringFile, before?: KeyringFile): void {
  if (context.json) {
    context.terminal.print(
      jsonLine('keyring', { ...file.document, signatures: file.signed?.message.signatures.length ?? 0 }),
    );
  } else for (const line of showKeyring(file, before)) context.terminal.print(clean(line));
}

/** Writes the changed draft and shows what it is now. */
