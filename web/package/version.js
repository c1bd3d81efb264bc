/** The version of lockstep; the build checks that it is that of the module. */
export const version = '0.1.0';
