import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import resolve from '@rollup/plugin-node-resolve';
import esbuild from 'rollup-plugin-esbuild';
import { bundledPackages } from './scripts/bundled-packages.mjs';
import { writeLibraryTypes } from './scripts/library-types.mjs';

/** Started as a program, the agent keeps its young generation small: memory counts for more there than allocation speed. */
const SMALL = '-S node --max-semi-space-size=1';

/** The chain's program shares few processors with its clients: threads that collect garbage take them away. */
const ALONE = `-S node ${JSON.parse(readFileSync('scripts/chain-node-flags.json', 'utf8')).join(' ')}`;

/** A command to many hosts keeps as many receipts at a time as it works on hosts, and each waits for the disk in a thread. */
const KEEPING = '-S UV_THREADPOOL_SIZE=32 node';

/** CommonJS dependencies ask for these; an ES module has none. */
const REQUIRE = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
];
const banner = (node) => [`#!/usr/bin/env ${node}`, ...REQUIRE].join('\n');

/**
 * What the MQTT client brings for other worlds, and what stands in for it here: Node's own streams, no debug output (the
 * agent has a log of its own), no timers of a browser's worker.
 */
const STANDINS = {
  debug:
    'const off = Object.assign(() => {}, { enabled: false, extend: () => off });\nexport default () => off;',
  'worker-timers': 'export const setInterval = undefined;\nexport const clearInterval = undefined;',
};

const leanMqtt = {
  name: 'lean-mqtt',
  resolveId(source) {
    if (source === 'readable-stream') return { id: 'node:stream', external: true };
    return Object.hasOwn(STANDINS, source) ? `\0${source}` : null;
  },
  load: (id) => (id.startsWith('\0') ? (STANDINS[id.slice(1)] ?? null) : null),
};

/** The YAML package's build of ES modules, of which only what is used comes along; it is the same code as for Node. */
const leanYaml = {
  name: 'lean-yaml',
  resolveId: (source) => (source === 'yaml' ? YAML : null),
};

/** The result can be started by its name. */
const executable = {
  name: 'executable',
  writeBundle({ dir }, bundle) {
    for (const [file, { isEntry }] of Object.entries(bundle)) if (isEntry) chmodSync(`${dir}/${file}`, 0o755);
  },
};

const YAML = fileURLToPath(new URL('node_modules/yaml/browser/dist/index.js', import.meta.url));
const OURS = /^(?!.*node_modules).*\/src\//;

/** One program, one file for Node to read; what only some need lies beside it and is read by those. */
function program(input, name, node = 'node') {
  return {
    input: { [name]: input },
    output: {
      dir: 'dist',
      entryFileNames: '[name].mjs',
      chunkFileNames: `${name}-[name].mjs`,
      format: 'es',
      banner: banner(node),
      sourcemap: false,
    },
    // Optional native accelerators and WebSocket transport: never loaded. serialport and koffi, which are native, stay
    // packages beside the bundle and are loaded by whoever opens a serial line or an IPMI device. See docs/dependencies.md.
    external: [/^node:/, 'serialport', 'koffi', 'cbor-extract', 'bufferutil', 'utf-8-validate'],
    // Our modules do nothing by being imported: one of which nothing is used is left out, tables and all.
    treeshake: { moduleSideEffects: (id) => !OURS.test(id) },
    plugins: [
      leanMqtt,
      leanYaml,
      resolve({ exportConditions: ['node'], preferBuiltins: true }),
      commonjs({ ignoreDynamicRequires: true }),
      json(),
      esbuild({ target: 'node20', minify: true, legalComments: 'none' }),
      executable,
      bundledPackages(name),
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

/** How uPlot's parts are placed; ours comes after it. */
const PLOT_CSS = readFileSync('node_modules/uplot/dist/uPlot.min.css', 'utf8');

/** The library, of the same parts as the programs; not minified: it is part of somebody else's stack traces. */
function library(input, name) {
  const made = program(input, name);
  return {
    ...made,
    output: { ...made.output, banner: REQUIRE.join('\n') },
    plugins: [
      ...made.plugins.filter((plugin) => plugin !== executable && plugin.name !== 'esbuild'),
      esbuild({ target: 'node20', legalComments: 'none' }),
      { name: 'declarations', writeBundle: ({ dir }) => void writeLibraryTypes(`${dir}/types`) },
    ],
  };
}

/** The page of "nightshift web": one script, beside what is written by hand. */
const page = {
  input: { page: 'web/main.tsx' },
  output: { dir: 'dist/web', entryFileNames: '[name].js', format: 'es', sourcemap: false },
  plugins: [
    resolve({ browser: true }),
    esbuild({ target: 'es2022', minify: true, legalComments: 'none', tsconfig: 'web/tsconfig.json' }),
    {
      name: 'page-files',
      writeBundle({ dir }) {
        for (const file of ['index.html', 'orders.css']) copyFileSync(`web/${file}`, `${dir}/${file}`);
        writeFileSync(`${dir}/page.css`, PLOT_CSS + readFileSync('web/page.css', 'utf8'));
      },
    },
  ],
};

export default [
  program('src/programs/agent/main.ts', 'nightshift-agent', SMALL),
  program('src/programs/command/main.ts', 'nightshift', KEEPING),
  program('src/programs/chain/main.ts', 'nightshift-chain', ALONE),
  library('src/programs/library/index.ts', 'library'),
  page,
].filter(({ input }) => Object.values(input).every((file) => existsSync(file)));
