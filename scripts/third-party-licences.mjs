/** A build plugin: writes dist/THIRD-PARTY-LICENSES.txt, the licences of the packages whose code is in the bundle. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.|-|$)/i;

/** The directory of the package a module belongs to: the nearest one with a manifest that has a name and a version. */
function packageDirectory(file) {
  for (let at = dirname(file); at.includes('node_modules'); at = dirname(at)) {
    const path = join(at, 'package.json');
    if (!existsSync(path)) continue;
    const { name, version } = JSON.parse(readFileSync(path, 'utf8'));
    if (name !== undefined && version !== undefined) return at;
  }
  throw new Error(`no package.json above ${file}`);
}

const person = (author) => (typeof author === 'object' && author !== null ? author.name : author);

function noticeOf(directory) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = readdirSync(directory).filter((file) => LICENCE_FILE.test(file));
  if (license === undefined && files.length === 0) throw new Error(`${name} ${version} is bundled and has no licence`);
  const texts = files.map((file) => readFileSync(join(directory, file), 'utf8').trim());
  // A few packages name a licence and do not hold its text.
  const text = texts.length > 0 ? texts.join('\n\n') : `Licensed under ${license}${author === undefined ? '' : ` by ${person(author)}`}.`;
  return { title: `${name} ${version} (${license ?? 'see below'})`, text };
}

export function thirdPartyLicences() {
  return {
    name: 'third-party-licences',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) => (chunk.type === 'chunk' ? Object.keys(chunk.modules) : []));
      const files = modules.map((id) => id.replace(/^\0/, '').replace(/\?.*$/, '')).filter((id) => id.includes('/node_modules/'));
      const code = files.filter((id) => !/\.d\.[cm]?ts$/.test(id));
      if (code.length === 0) return;
      const notices = [...new Set(code.map(packageDirectory))].map(noticeOf);
      notices.sort((a, b) => a.title.localeCompare(b.title, 'en'));
      const parts = notices.map(({ title, text }) => `${'-'.repeat(80)}\n${title}\n\n${text}\n`);
      const source = `The files beside this one contain code of these packages.\n\n${parts.join('\n')}`;
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES.txt', source });
    },
  };
}
