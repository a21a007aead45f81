/** A command as it would be typed at a shell, with nothing hidden: it is shown to somebody who decides whether it may run. */

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;
/** What has no shape of its own, or another one than it seems: control and format characters, other blanks than the blank, the unassigned. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu;

/** A line, or several where a word has line breaks. */
export const commandText = (argv: readonly string[]): string => argv.map(quoted).join(' ');

function quoted(word: string): string {
  if (PLAIN.test(word)) return word;
  const seen = word.replaceAll('\n', ' ');
  if (seen.search(UNSEEN) < 0) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${word.replace(/[\\']/g, '\\$&').replace(UNSEEN, (character) => (character === '\n' ? character : escape(character)))}'`;
}

/** Text that is no command, such as the name of a file. */
export const visible = (text: string): string => text.replace(UNSEEN, escape);

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}
