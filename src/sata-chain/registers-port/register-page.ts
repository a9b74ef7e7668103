import type { BitField } from '../registers/layout.ts';
import { type MapEntry, REGISTER_MAP, UNIT_BYTES } from './register-map.ts';
import { REASON_NUMBERS, STATE_NUMBERS } from './status-word.ts';

const HEAD = `# Register map of a PTDDC unit

Made from \`src/sata-chain/registers-port/register-map.ts\` by \`node --import=tsx scripts/register-map.mjs\`; a test fails
where this page is another one.

What an FPGA or a multiplexer shows to the management controller, and what the port \`ChainRegisters\`
(\`src/ports/chain-registers.ts\`) reads and writes. The simulator in \`src/sata-chain/registers-port/sim-registers.ts\`
is the only implementation so far: no hardware has been tried. DSI, CSI and ISR are our own layout; SStatus, SControl and
SError are those of the Serial ATA specification.

- Every register is 32 bits wide, little-endian, at a multiple of 4. A unit takes ${UNIT_BYTES} bytes; what is not listed
  reads as 0 and is not to be written. Bits that no field names read as 0.
- RO: read only. RW: reads as written. W1C: writing 1 clears a bit. WO: writing gives an order; reads as 0.
- Of a register of several words, reading the first keeps the others as they are at that moment until the first is read
  again: no count is ever torn.
- An order is one bit in CONTROL. STATUS.busy is set until it is worked off; STATUS.refused then says that it was not one
  for the state that it found, or that another number of bits than one was set.
- DISABLE and ENABLE are on the unit's own stable storage before they show: a unit that loses power comes back as it was.
`;

/** docs/register-map.md. */
export function registerPage(): string {
  const rows = REGISTER_MAP.map(
    (entry) =>
      `| ${hex(entry.offset)}${entry.words > 1 ? `..${hex(entry.offset + entry.words * 4 - 1)}` : ''} | ${entry.name} | ${entry.access} | ${entry.meaning} |`,
  );
  const fielded = REGISTER_MAP.filter(isFirstOfItsKind).filter(({ fields }) => fields !== undefined);
  return [
    HEAD,
    '## Registers\n',
    '| offset | name | access | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '\n## Fields',
    ...fielded.map(fieldTable),
    '\n## Numbers in STATUS\n',
    `\`state\`: ${STATE_NUMBERS.map((state, i) => `${i} ${state}`).join(', ')}.\n`,
    `\`reason\`: ${REASON_NUMBERS.map((reason, i) => `${i} ${reason}`).join(', ')}.`,
    '',
  ].join('\n');
}

const hex = (offset: number): string => `0x${offset.toString(16).padStart(3, '0')}`;
/** The three ports have the same four registers. */
const kindOf = (name: string): string => name.replace(/^(PTI|PTO|DDI)_/, '');

function isFirstOfItsKind({ name }: MapEntry, index: number): boolean {
  return REGISTER_MAP.findIndex((other) => kindOf(other.name) === kindOf(name)) === index;
}

function fieldTable({ name, fields = {} }: MapEntry): string {
  const rows = Object.entries(fields).map(([field, place]) => `| ${bits(place)} | ${field} |`);
  return [`\n### ${kindOf(name)}\n`, '| bits | field |', '| --- | --- |', ...rows].join('\n');
}

const bits = (place: BitField): string =>
  typeof place === 'number' ? `${place}` : `${place[0]}:${place[1]}`;
