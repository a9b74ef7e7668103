import { readFileSync } from 'node:fs';

/** Code that a page shows, and what it says that the code prints. */
export interface PageExample {
  readonly code: string;
  readonly prints: string;
}

const EXAMPLE = /^```ts\n([\s\S]*?)^```\n+```\n([\s\S]*?)^```$/gm;

/** All code in TypeScript on a page. Throws where some of it is not followed by what it prints. */
export function pageExamples(page: string): readonly PageExample[] {
  const text = readFileSync(page, 'utf8');
  const examples = [...text.matchAll(EXAMPLE)].map(([, code = '', prints = '']) => ({ code, prints }));
  if (examples.length !== text.match(/^```ts$/gm)?.length)
    throw new Error(`${page} has code without its output`);
  return examples;
}
