// Runs a WASI program: `node web/tests/wasi.mjs PROGRAM.wasm [ARGUMENT...]`.
// The exit code is the program's.

import { readFile } from 'node:fs/promises';
import { argv, env } from 'node:process';
import { WASI } from 'node:wasi';

const ENOTSUP = 58;

// Debian's C library for WASI is older than these functions, which Rust's standard library
// calls to start a thread. There are no threads, and rayon works without them.
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
process.exitCode = wasi.start(await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env: threads }));
