/** Of both programs. */
export const VERSION = '0.1.0';
/** Whole seconds since 1970: the day of this release. No clock that reads less is believed. */
export const RELEASED = 1_795_219_200;
