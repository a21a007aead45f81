/** A word as bash has it before the quotes are removed, also one whose quote is still open: what the user means by it so far. */
export function unquote(word: string): string {
  let text = '';
  let quote: '"' | "'" | null = null;
  for (let at = 0; at < word.length; at += 1) {
    const character = word.charAt(at);
    if (quote === "'") {
      if (character === "'") quote = null;
      else text += character;
    } else if (character === '\\') {
      const next = word.charAt(at + 1);
      // Within double quotes a backslash only escapes what would mean something there (POSIX shell, 2.2.3).
      text += quote === '"' && !/[$`"\\]/.test(next) ? character + next : next;
      at += 1;
    } else if (character === quote) quote = null;
    else if (quote === null && (character === '"' || character === "'")) quote = character;
    else text += character;
  }
  return text;
}
