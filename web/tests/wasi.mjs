// Runs a WASI program: `node web/tests/wasi.mjs PROGRAM.wasm [ARGUMENT...]`.
// The exit code is the program's.

import { readFile } from 'node:fs/promises';
import { argv, env } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { WASI } from 'node:wasi';

// Node 20 crashes after long programs if V8 calls the functions of node:wasi directly from optimised code.
setFlagsFromString('--no-turbo-fast-api-calls');

const ENOTSUP = 58;

// Rust's standard library starts threads by these functions, which Debian's C library for
// WASI does not have yet. Newer ones answer that there are no threads, as is done here.
const threads = {
  pthread_attr_init: () => 0,
  pthread_attr_setstacksize: () => 0,
  pthread_attr_destroy: () => 0,
  pthread_create: () => ENOTSUP,
  pthread_join: () => ENOTSUP,
  pthread_detach: () => ENOTSUP,
};

const args = argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, env, preopens: { '/': '/' } });
const module = await WebAssembly.compile(await readFile(args[0]));
const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env: threads });
process.exitCode = wasi.start(instance);
