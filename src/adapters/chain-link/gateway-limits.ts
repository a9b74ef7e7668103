/** Devices that a gateway stands for on one connection. */
export const MOST_DEVICES = 8;
