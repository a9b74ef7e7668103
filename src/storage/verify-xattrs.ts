import { equalBytes } from '../base/index.ts';
import type { ExtendedAttribute, FileSystem } from '../ports/index.ts';

/** What a filesystem keeps of its own for each file; nobody need have ordered it. */
const OWN = /^system\.(ntfs|dos)_/;

/** What is wrong with the extended attributes of a file that is to have exactly these; undefined where nothing is. */
export async function wrongXattrs(
  fileSystem: FileSystem,
  path: string,
  wanted: readonly ExtendedAttribute[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await fileSystem.extras(path, false, signal);
  if (!found.ok) return found.refusal.sentence;
  const there = new Map(found.value.xattrs.map(({ name, value }) => [name, value]));
  for (const { name, value } of wanted) {
    const has = there.get(name);
    if (has === undefined) return `has no ${name}`;
    if (!equalBytes(has, value)) return `has another ${name} than was ordered`;
    there.delete(name);
  }
  const more = [...there.keys()].find((name) => !OWN.test(name));
  return more === undefined ? undefined : `has ${more}, which nobody ordered`;
}
