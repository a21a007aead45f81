/** A word for a POSIX shell, whatever it contains (XCU §2.2.2): no character is special within single quotes but the quote itself. */
export const quote = (word: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
