/** The channel over which a command comes. */
export const THIS_CHANNEL = 0x0e;
/** 0-11, or THIS_CHANNEL, or 15 for the system interface. */
export type ChannelNumber = number;
