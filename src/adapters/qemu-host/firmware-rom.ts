import type { Qmp } from './qmp.ts';

/** Of the Q35 host bridge, as its configuration space begins. */
const Q35 = 'portl[0x0cfc] = 0x29c08086';

/**
 * PAM0 to PAM6 to 0, so that C0000h to FFFFFh are ROM again: address into CF8h, value into CFCh and behind it. What lies
 * behind PAM6 is left alone.
 */
const TO_ROM = [
  'o/w 0xcf8 0x80000090',
  'o/w 0xcfc 0',
  'o/w 0xcf8 0x80000094',
  'o/b 0xcfc 0',
  'o/b 0xcfd 0',
  'o/b 0xcfe 0',
] as const;

/**
 * Gives a machine that stands reset its firmware back. QEMU's reset leaves the shadow memory mapped in as it is, and a
 * reset while SeaBIOS was copying itself there, in its first milliseconds, would otherwise be the machine's last: it begins
 * in memory that is empty, until QEMU is started again. Nothing on a machine that is no q35.
 */
export async function mapFirmwareRom(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const monitor = (line: string) => qmp.execute('human-monitor-command', { 'command-line': line }, signal);
  await monitor('o/w 0xcf8 0x80000000');
  if (!String(await monitor('i/w 0xcfc')).includes(Q35)) return;
  for (const line of TO_ROM) await monitor(line);
}
