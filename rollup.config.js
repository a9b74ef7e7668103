import { existsSync } from 'node:fs';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import resolve from '@rollup/plugin-node-resolve';
import esbuild from 'rollup-plugin-esbuild';

/** CommonJS dependencies ask for these; an ES module has none. */
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
].join('\n');

/** readable-stream is Node's own stream module, packed for browsers and old Nodes: the one that is there already will do. */
const nodeStreams = {
  name: 'node-streams',
  resolveId: (source) => (source === 'readable-stream' ? { id: 'node:stream', external: true } : null),
};

/** One program, one file: a board gets one file to carry and Node one to read. */
function program(input, name) {
  return {
    input,
    output: {
      file: `dist/${name}.mjs`,
      format: 'es',
      banner,
      inlineDynamicImports: true,
      sourcemap: false,
    },
    // Optional native accelerators and WebSocket transport: never loaded, see docs/dependencies.md.
    external: [/^node:/, 'cbor-extract', 'bufferutil', 'utf-8-validate'],
    plugins: [
      nodeStreams,
      resolve({ exportConditions: ['node'], preferBuiltins: true }),
      commonjs({ ignoreDynamicRequires: true }),
      json(),
      esbuild({ target: 'node20', minify: true, legalComments: 'none' }),
    ],
    onwarn(warning, warn) {
      if (
        warning.code === 'CIRCULAR_DEPENDENCY' ||
        warning.code === 'THIS_IS_UNDEFINED' ||
        warning.code === 'EVAL'
      )
        return;
      warn(warning);
    },
  };
}

export default [program('src/main.ts', 'nightshift-agent'), program('src/fleet-cli.ts', 'nightshift')].filter(
  ({ input }) => existsSync(input),
);
