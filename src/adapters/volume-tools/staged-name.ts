import { NsError } from '../../base/index.ts';
import type { FileContent } from '../../ports/index.ts';

/** The staged file that a tool is to read. NS_TOOL_FAILED where the content lies in no file of its own. */
export function stagedName({ name }: FileContent): string {
  if (name !== undefined) return name;
  throw new NsError('NS_TOOL_FAILED', 'the content lies in no file that a tool could read');
}
