/**
 * Builds the pages.
 *
 * The pages of payers and the verifier of receipts (which comes from the TypeScript SDK) are plain
 * modules: tsc compiles them one by one. Their HTML gets its English here, from the catalogue that the
 * other languages translate. The application is bundled by esbuild and compressed into `dist/app`, beside
 * its catalogues of words.
 *
 * `node build.mjs` writes `dist`; `node build.mjs --check` builds into a temporary folder and
 * fails if a byte of `dist` differs. The output depends on the sources and the pinned compilers
 * alone: no time stamp, no path, no hash of the machine. How well a machine's zlib compresses may
 * differ, so of a compressed file the content counts.
 */
import { execFileSync } from 'node:child_process';
import {
  constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');

/** What the compiler writes of each source folder; the pages load all of it from one folder. */
const COMPILED = ['web/src', 'sdk/typescript/src/receipt'];
/** What the application's pages load: bundles by name and source. */
const BUNDLES = {
  first: 'src/app/first.ts', app: 'src/app/main.tsx', wallet: 'src/app/wallet/main.tsx', pay: 'src/app/pay.tsx',
};
const CATALOGUES = 'src/app/i18n';
const WORDS = 'src/words';
const TARGET = 'es2022';

async function build(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'app'), { recursive: true });
  modules(folder);
  pages(folder);
  await esbuild.build({
    absWorkingDir: root, entryPoints: ['styles/farthing.css'], bundle: true, outdir: folder, logLevel: 'warning',
  });
  await application(join(folder, 'app'));
}

function modules(folder) {
  const compiled = mkdtempSync(join(tmpdir(), 'farthing-web-'));
  try {
    compile(['--project', root, '--outDir', compiled]);
    for (const source of COMPILED.map((path) => join(compiled, path))) {
      for (const name of readdirSync(source).filter((file) => file.endsWith('.js'))) place(join(source, name), folder, name);
    }
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

/** The pages in English, and the words of the plain ones in every language. */
function pages(folder) {
  const english = catalogue(WORDS, 'en.json');
  for (const name of readdirSync(join(root, 'pages'))) {
    const source = readFileSync(join(root, 'pages', name), 'utf8');
    const isPage = name.endsWith('.html');
    writeFileSync(join(folder, name), isPage ? ahead(inEnglish(source, english), folder) : source);
  }
  for (const name of readdirSync(join(root, WORDS))) {
    writeFileSync(join(folder, `words.${name}`), JSON.stringify(catalogue(WORDS, name)));
  }
}

/** Names beside a page's script what that imports, so that all of it is asked for at once. */
function ahead(html, folder) {
  return html.replace(/^( *)<script type="module" src="\/\.well-known\/farthing\/(\w+\.js)"><\/script>$/m, (script, indent, name) => {
    const links = imported(name, folder).map((file) => `${indent}<link rel="modulepreload" href="/.well-known/farthing/${file}">`);
    return [script, ...links].join('\n');
  });
}

/** All modules below one, nearest first. */
function imported(name, folder) {
  const found = new Set([name]);
  for (const file of found) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, path] of source.matchAll(/(?:from|import) ['"]\.\/(\w+\.js)['"]/g)) found.add(path);
  }
  return [...found].slice(1);
}

/** Fills elements that have a key and no text, and labels. */
function inEnglish(html, english) {
  const word = (key) => {
    if (!Object.hasOwn(english, key)) throw new Error(`no words for ${key}`);
    return english[key].replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  };
  return html
    .replace(/ data-say="([^"]+)"[^>]*>(?=<\/)/g, (start, key) => start + word(key))
    .replace(/ data-say-label="([^"]+)"/g, (attribute, key) => `${attribute} aria-label="${word(key)}"`);
}

function catalogue(folder, name) {
  return JSON.parse(readFileSync(join(root, folder, name), 'utf8'));
}

async function application(folder) {
  compile(['--project', join(root, 'tsconfig.app.json')]);
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: { ...BUNDLES, styles: 'styles/app.css' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: TARGET,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    outdir: folder,
    logLevel: 'warning',
  });
  for (const name of readdirSync(join(root, CATALOGUES))) {
    writeFileSync(join(folder, name), JSON.stringify(catalogue(CATALOGUES, name)));
  }
  for (const name of readdirSync(folder)) {
    writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name)), { level: 9 }));
  }
}

function compile(options) {
  execFileSync(join(root, 'node_modules', '.bin', 'tsc'), options, { stdio: 'inherit' });
}

/** Two files of one name would be one page's script in the place of another's. */
function place(source, folder, name) {
  copyFileSync(source, join(folder, name), constants.COPYFILE_EXCL);
}

async function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'farthing-web-'));
  try {
    await build(fresh);
    const names = new Set([...files(fresh), ...files(dist)]);
    return [...names].sort().filter((name) => !sameFile(join(fresh, name), join(dist, name)));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function files(folder) {
  return readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
}

function sameFile(left, right) {
  return existsSync(left) && existsSync(right) && content(left).equals(content(right));
}

function content(path) {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

if (process.argv.includes('--check')) {
  const stale = await check();
  for (const name of stale) console.error(`dist/${name} is not what the sources give`);
  if (stale.length > 0) {
    console.error('hint: npm run build, then commit dist');
    process.exit(1);
  }
  console.log('dist is up to date');
} else {
  await build(dist);
}
