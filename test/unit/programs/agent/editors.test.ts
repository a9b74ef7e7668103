import t from 'tap';
import type { LogSink, ToolConfinement, VolumeEditor } from '../../../../src/ports/index.ts';
import { openDiskTools } from '../../../../src/programs/agent/editors.ts';

const nothing = async (): Promise<never> => {
  throw new Error('not part of this test');
};

/** What is said at the start by an agent of this configuration, where tools are confined like this. */
async function saidAtStart(wanted: 'best' | 'required' | undefined, confinement?: ToolConfinement) {
  const lines: Parameters<LogSink['log']>[] = [];
  let confinedOnly: boolean | undefined;
  const capabilities = { types: [], ...(confinement === undefined ? {} : { confinement }) };
  const editor: VolumeEditor = { capabilities, edit: nothing, check: nothing, replay: nothing };
  const opened = await openDiskTools(
    async (options) => {
      confinedOnly = options.confinedOnly;
      return editor;
    },
    wanted === undefined ? {} : { toolConfinement: wanted },
    (name) => name,
    { log: (...line) => lines.push(line) },
  );
  t.equal(opened, editor);
  return { lines, confinedOnly };
}

await t.test('what tools cannot be kept from is said at the start, in one line', async (t) => {
  const missing = [
    { part: 'files' as const, why: 'no bwrap' },
    { part: 'network' as const, why: 'no bwrap' },
  ];
  t.same(await saidAtStart('required', { holds: [], missing }), {
    lines: [['warn', 'tools.confinement', { wanted: 'required', missing: 'files, network (no bwrap)' }]],
    confinedOnly: true,
  });
  t.same(await saidAtStart(undefined, { holds: ['files'], missing: [] }), {
    lines: [['info', 'tools.confinement', { wanted: 'best', missing: 'nothing' }]],
    confinedOnly: false,
  });
  t.same((await saidAtStart('best')).lines, [], 'nothing is said where nothing is known');
});
