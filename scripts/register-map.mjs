// Writes docs/register-map.md. Run by: node --import=tsx scripts/register-map.mjs
import { writeFileSync } from 'node:fs';
import { registerPage } from '../src/sata-chain/index.ts';

writeFileSync(new URL('../docs/register-map.md', import.meta.url), registerPage());
