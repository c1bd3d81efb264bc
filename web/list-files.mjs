// Writes FOLDER/files.json: the files of the page, for its service worker, and a version that changes with
// any of them. `node list-files.mjs FOLDER`

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
// What the page does not load: texts for npm, and what Node.js runs.
const unused = /\.md$|\.d\.ts$|^lockstep\/(LICENSE|node\.js|worker-node\.js)|^lockstep\/package\.json$|^(sw\.js|files\.json)$/;

const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
  .filter((name) => !unused.test(name))
  .sort();
const hash = createHash('sha256');
for (const name of names) hash.update(name).update(readFileSync(join(folder, name)));
const files = names.map((name) => (name === 'index.html' ? './' : name));
const list = { version: hash.digest('hex').slice(0, 16), files };
writeFileSync(join(folder, 'files.json'), `${JSON.stringify(list, null, 1)}\n`);
