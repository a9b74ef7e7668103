import type { ExtendedAttribute, FileAttributes } from '../../ports/index.ts';

export const DEFAULT_ACL = 'system.posix_acl_default';

/** A directory passes a default ACL on: its own, or the one that it would get where it is made. */
export function withDefaults(
  { file, directory }: { readonly file: FileAttributes; readonly directory: FileAttributes },
  own: readonly ExtendedAttribute[],
): FileAttributes {
  const defaults = own.length > 0 ? own : (directory.xattrs ?? []).filter(({ name }) => name === DEFAULT_ACL);
  if (defaults.length === 0) return file;
  return { ...file, xattrs: [...(file.xattrs ?? []), ...defaults] };
}
