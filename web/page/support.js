/** A WebAssembly module of one function that uses a vector instruction. */
const VECTOR_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, // magic number, version
  1, 5, 1, 96, 0, 1, 123, // type: () -> v128
  3, 2, 1, 0, // function of this type
  10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11, // i32.const 0, i8x16.splat, i8x16.popcnt
]);

/** True if the browser has the vector instructions that lockstep is compiled for. */
export const hasVectors = () => WebAssembly.validate(VECTOR_MODULE);
