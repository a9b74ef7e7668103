/** SMART RETURN STATUS: the subcommand, and the key that lies in LBA 23:8 of command and answer. */
export const SMART_RETURN_STATUS = 0xda;
export const SMART_GOOD = 0xc2_4f_00;
export const SMART_FAILING = 0x2c_f4_00;

/** The key within an LBA. */
export const smartKey = (lba: number): number => lba & 0xff_ff00;
