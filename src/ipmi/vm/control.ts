/** What the machine's emulator can do when the BMC says so (capability bits of the VM protocol). */
export interface VmCapabilities {
  readonly powerOff: boolean;
  readonly reset: boolean;
  /** Interrupts for messages can be switched on and off. */
  readonly interrupt: boolean;
  readonly nmi: boolean;
  readonly attention: boolean;
  /** The power button as ACPI shows it to the operating system. */
  readonly softOff: boolean;
}

/** Orders of the BMC's. Each is a frame of its own; send them apart, for old emulators drop what follows one. */
export const VM_ORDER = {
  clearAttention: 0x00,
  attention: 0x01,
  attentionWithInterrupt: 0x02,
  powerOff: 0x03,
  reset: 0x04,
  enableInterrupt: 0x05,
  disableInterrupt: 0x06,
  nmi: 0x07,
  softOff: 0x09,
} as const;

export type VmOrder = keyof typeof VM_ORDER;

const VERSION = 0xff;
const CAPABILITIES = 0x08;
const GUEST_RESET = 0x04;

/** What the machine says outside of messages. */
export type VmControl =
  | { readonly is: 'version'; readonly version: number }
  | { readonly is: 'capabilities'; readonly capabilities: VmCapabilities }
  | { readonly is: 'guest-reset' }
  /** Of a later version of the protocol, or nonsense. */
  | { readonly is: 'other'; readonly code: number };

export function decodeVmControl(bytes: Uint8Array): VmControl {
  const [code = 0, argument] = bytes;
  if (code === VERSION && argument !== undefined) return { is: 'version', version: argument };
  if (code === CAPABILITIES && argument !== undefined) {
    return { is: 'capabilities', capabilities: capabilitiesOf(argument) };
  }
  if (code === GUEST_RESET) return { is: 'guest-reset' };
  return { is: 'other', code };
}

function capabilitiesOf(bits: number): VmCapabilities {
  return {
    powerOff: (bits & 0x01) !== 0,
    reset: (bits & 0x02) !== 0,
    interrupt: (bits & 0x04) !== 0,
    nmi: (bits & 0x08) !== 0,
    attention: (bits & 0x10) !== 0,
    softOff: (bits & 0x20) !== 0,
  };
}

/** The BMC's greeting: the version of the protocol that it speaks. */
export const VM_GREETING: Uint8Array = Uint8Array.of(VERSION, 1);
