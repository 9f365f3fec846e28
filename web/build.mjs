/**
 * Builds the pages: compiles `src` and the verifier of receipts of the TypeScript SDK with tsc, and
 * copies `pages` beside the output.
 *
 * `node build.mjs` writes `dist`; `node build.mjs --check` builds into a temporary folder and
 * fails if a byte of `dist` differs. The output depends on the sources and the pinned compiler
 * alone: no time stamp, no path, no hash of the machine.
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');

/** What the compiler writes of each source folder; the pages load all of it from one folder. */
const COMPILED = ['web/src', 'sdk/typescript/src/receipt'];

function build(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compiled = mkdtempSync(join(tmpdir(), 'farthing-web-'));
  try {
    const compiler = join(root, 'node_modules', '.bin', 'tsc');
    execFileSync(compiler, ['--project', root, '--outDir', compiled], { stdio: 'inherit' });
    for (const source of [...COMPILED.map((path) => join(compiled, path)), join(root, 'pages')]) {
      for (const name of readdirSync(source)) {
        // Two files of one name would be one page's script in the place of another's.
        copyFileSync(join(source, name), join(folder, name), constants.COPYFILE_EXCL);
      }
    }
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'farthing-web-'));
  try {
    build(fresh);
    const names = new Set([...readdirSync(fresh), ...readdirSync(dist)]);
    return [...names].sort().filter((name) => !sameFile(join(fresh, name), join(dist, name)));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function sameFile(left, right) {
  try {
    return readFileSync(left).equals(readFileSync(right));
  } catch {
    return false;
  }
}

if (process.argv.includes('--check')) {
  const stale = check();
  for (const name of stale) console.error(`dist/${name} is not what the sources give`);
  if (stale.length > 0) {
    console.error('hint: npm run build, then commit dist');
    process.exit(1);
  }
  console.log('dist is up to date');
} else {
  build(dist);
}
