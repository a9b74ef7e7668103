import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asNsError, NsError } from '../base/index.ts';

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'orders.css': 'text/css; charset=utf-8',
} as const;

export interface WebFile {
  readonly type: string;
  readonly content: Uint8Array;
}

/** The files of the page, read once. NS_PAGE_MISSING where it was not built. */
export async function readWebFiles(directory: string): Promise<ReadonlyMap<string, WebFile>> {
  const files = new Map<string, WebFile>();
  for (const [name, type] of Object.entries(TYPES)) {
    const content = await readFile(join(directory, name)).catch((error: unknown) => {
      throw new NsError(
        'NS_PAGE_MISSING',
        `the page's file ${name} is not in ${directory}: run "npm run build"`,
        {
          cause: asNsError(error),
        },
      );
    });
    files.set(name, { type, content: new Uint8Array(content) });
  }
  return files;
}
