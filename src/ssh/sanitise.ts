/** Makes text from a server fit to print: no terminal escapes, no control characters, no endless length. */

const DEFAULT_MAX = 1000;
// OSC, DCS, SOS, PM and APC strings up to their terminator; CSI sequences; then any other two-character escape.
const ESCAPES =
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
// Bidirectional overrides and invisible joiners can make a host name read as another one.
const DECEPTIVE = /[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line: every run of white space is one space. `max` is in characters; what is cut off is marked with `…`. */
export function sanitiseLine(text: string, max: number = DEFAULT_MAX): string {
  return cap(strip(text).replace(/\s+/g, ' ').trim(), max);
}

/** Several lines (a login banner): line breaks and tabs stay. */
export function sanitiseText(text: string, max: number = 4 * DEFAULT_MAX): string {
  return cap(strip(text).trim(), max);
}

function strip(text: string): string {
  return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(CONTROL, '').replace(DECEPTIVE, '');
}

const cap = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);
