/** The version of lockstep; a test compares it with that of the module. */
export const version = '0.1.0';
