/** From the text of a file to a tree with places. What could make reading it long (size, depth, aliases) is refused first. */
import { Composer, Lexer, Parser, type CST, type YAMLParseError } from 'yaml';
import { LIMITS } from './limits.ts';
import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import { DocumentReader } from './read-document.ts';
import type { Source, Stretch } from './source.ts';

/** What a text was read to. */
export interface Parsed {
  readonly source: Source;
  readonly root: Node;
  /** The lexer makes so many pieces of it at most: each part that is parsed anew adds its own. A value takes two at least. */
  readonly lexemes: number;
  /** Nothing was wrong so far, with this or another file; and each entry means by itself what it means here: no anchor, alias, merge key, tag or directive. */
  readonly isPlain: boolean;
}

/** Null where there is nothing to go on with; the problems say why. Of a stretch: as if the text had nothing else. */
export function parse(source: Source, problems: Problems, { start, end }: Stretch = wholeOf(source)): Parsed | null {
  const lexed = tokenize(source, problems, { start, end });
  if (lexed === null) return null;
  const options = { version: '1.2', schema: 'core', merge: false, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;
  const documents = [...new Composer(options).compose(lexed.tokens, true, end)];
  const [document, second] = documents;
  if (second) {
    const at = { source, start: second.range[0], end: second.range[0] + 1 };
    problems.add({
      code: 'yaml-syntax',
      message: 'a second YAML document begins here',
      at,
      hint: 'one file holds one document: use include, or a file of its own with -f',
    });
  }
  if (!document || second) return null;
  for (const error of document.errors.slice(0, LIMITS.syntaxErrors)) reportSyntax(error, source, problems);
  // A tree that was guessed around a syntax error only gives problems that are none.
  if (document.errors.length > 0) return null;
  const root = new DocumentReader(source, problems).read(document);
  return { source, root, lexemes: lexed.count, isPlain: lexed.isPlain && !problems.failed };
}

/** Of a stretch a copy: what is cut out of a text keeps all of it in memory, and of a file that is edited on and on each edit would keep its own. */
function textOf({ text }: Source, { start, end }: Stretch): string {
  return end - start === text.length ? text : Buffer.from(text.slice(start, end)).toString();
}

const wholeOf = (source: Source): Stretch => ({ start: 0, end: source.text.length });

interface Lexed {
  readonly tokens: readonly CST.Token[];
  readonly count: number;
  readonly isPlain: boolean;
}

/** What an anchor, an alias, a tag and a directive begin with, and no scalar does; text of a block scalar may, to no harm. */
const REACHING_FAR = /^(?:[&*!%]|<<$)/;

function tokenize(source: Source, problems: Problems, stretch: Stretch): Lexed | null {
  const refuse = (message: string, start: number): null => {
    problems.add({ code: 'yaml-syntax', message, at: { source, start, end: start + 1 } });
    return null;
  };
  if (source.text.length > LIMITS.bytes) return refuse('the file is larger than 1 MiB', 0);
  const parser = new Parser();
  parser.offset = stretch.start;
  const tokens: CST.Token[] = [];
  let count = 0;
  let isPlain = true;
  for (const lexeme of new Lexer().lex(textOf(source, stretch))) {
    count += 1;
    if (count > LIMITS.tokens) return refuse(`the file holds more than ${LIMITS.tokens} tokens`, parser.offset);
    isPlain &&= !REACHING_FAR.test(lexeme);
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > LIMITS.depth + 2) return refuse(`the file is nested more than ${LIMITS.depth} deep`, parser.offset);
  }
  tokens.push(...parser.end());
  return { tokens, count, isPlain };
}

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with blanks',
  BAD_INDENT: 'check the indentation',
  MULTILINE_IMPLICIT_KEY: 'a key ends with a colon and a blank',
  BLOCK_AS_IMPLICIT_KEY: 'quote the value if it holds ": "',
};

function reportSyntax(error: YAMLParseError, source: Source, problems: Problems): void {
  const [start, end] = error.pos;
  const line = lineAt(source.text, start);
  // `[::1]:8080` begins a list for YAML; it is the first address of IPv6 that people write here.
  const bracketed = /:\s+(\[[0-9A-Fa-f:.]+\]:\d[\d-]*)/.exec(line)?.[1];
  const hint = bracketed ? `quote it: "${bracketed}"` : HINTS[error.code];
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  problems.add({ code: 'yaml-syntax', message, at: { source, start, end }, hint });
}

const lineAt = (text: string, offset: number): string => {
  const end = text.indexOf('\n', offset);
  return text.slice(text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1, end < 0 ? text.length : end);
};
