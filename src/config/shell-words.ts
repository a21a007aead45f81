/** Splits a short form into words as a shell does: blanks, quotes and backslashes, but no expansion. */
import { err, ok, type Result } from '../core/result.ts';
import type { Piece } from './node.ts';

export interface Word {
  readonly text: string;
  /** Offsets into the text the pieces make. */
  readonly start: number;
  readonly end: number;
  /** False where it begins with what a variable held: that is never an option. */
  readonly mayBeOption: boolean;
}

export interface WordsError {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

export function splitWords(pieces: readonly Piece[]): Result<readonly Word[], WordsError> {
  const text = pieces.map((piece) => piece.text).join('');
  let piece = -1;
  let pieceEnd = 0;
  const words: Word[] = [];
  let word: { text: string; start: number; mayBeOption: boolean } | null = null;
  let quote: { char: string; start: number } | null = null;
  for (let at = 0; at < text.length; at += 1) {
    while (at >= pieceEnd) {
      piece += 1;
      pieceEnd += pieces[piece]?.text.length ?? 1;
    }
    const char = text.charAt(at);
    const special = pieces[piece]?.fixed !== true;
    if (special && quote === null && /\s/.test(char)) {
      if (word) words.push({ ...word, end: at });
      word = null;
      continue;
    }
    word ??= { text: '', start: at, mayBeOption: special };
    if (special && quote === null && (char === '"' || char === "'")) quote = { char, start: at };
    else if (special && quote?.char === char) quote = null;
    else if (special && char === '\\' && quote?.char !== "'" && at + 1 < text.length) {
      at += 1;
      word.text += text.charAt(at);
    } else word.text += char;
  }
  if (quote) return err({ message: `the quote ${quote.char} is not closed`, start: quote.start, end: text.length });
  if (word) words.push({ ...word, end: text.length });
  return ok(words);
}
