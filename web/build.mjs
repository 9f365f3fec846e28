/**
 * Builds the pages: compiles `src` with tsc and copies `pages` beside the output.
 *
 * `node build.mjs` writes `dist`; `node build.mjs --check` builds into a temporary folder and
 * fails if a byte of `dist` differs. The output depends on the sources and the pinned compiler
 * alone: no time stamp, no path, no hash of the machine.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');

function build(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  execFileSync(compiler, ['--project', root, '--outDir', folder], { stdio: 'inherit' });
  for (const name of readdirSync(join(root, 'pages'))) {
    copyFileSync(join(root, 'pages', name), join(folder, name));
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
