/** Reads one line of a .env file by the rules of compose-go's dotenv package. Null: an error, or a variable that would be filled in. */
export function readAsCompose(text: string): string | null {
  const equals = text.indexOf('=');
  const source = text.slice(equals + 1).replace(/^[\s\u0085]+/, '');
  const [quote] = source;
  if (quote !== '"' && quote !== "'") {
    const [line = ''] = source.split('\n');
    const [before = ''] = line.split(' #');
    return line === source.replace(/\n$/, '') ? expanded(before.replace(/[\s\u0085]+$/, '')) : null;
  }
  let value = '';
  let escaped = false;
  for (const [index, character] of [...source].entries()) {
    if (index === 0) continue;
    if (character === quote && !escaped) {
      const rest = [...source].slice(index + 1).join('');
      if (rest.trim() !== '') return null;
      return quote === '"' ? expanded(unescaped(value)) : value;
    }
    if (character === '\\' && !escaped) escaped = true;
    else {
      value += escaped && character !== quote ? `\\${character}` : character;
      escaped = false;
    }
  }
  return null;
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Octal escapes and \c are not relied on: they are made an error. */
const unescaped = (value: string): string =>
  value.replace(/\\([abcfnrtv0$"\\])/g, (_, what: string) => {
    if (what === 'c' || what === '0') return '$';
    return what === '$' ? '$$' : (ESCAPES[what] ?? what);
  });

function expanded(value: string): string | null {
  const rest = value.replaceAll('$$', '');
  return rest.includes('$') ? null : value.replaceAll('$$', '$');
}
