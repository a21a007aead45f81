/** The short form of a tunnel: what one would type after `ssh`. */
import { err, ok, type Result } from '../core/result.ts';
import type { TunnelType } from '../core/spec.ts';
import { parseDestination, type Destination } from './destination.ts';
import { parseForward, type Part } from './forward-spec.ts';
import type { Piece } from './node.ts';
import { splitWords, type Word } from './shell-words.ts';

export interface ShortForm {
  readonly type: TunnelType;
  readonly ingress: Part;
  readonly egress: Part | null;
  /** With the user and port of -l and -p in it. */
  readonly destination: Destination;
  readonly destinationPart: Part;
  readonly expose: boolean;
  readonly via: Part | null;
  readonly identityFiles: readonly Part[];
  readonly addressFamily: 'inet' | 'inet6' | null;
  readonly compression: boolean;
}

export interface ShortFormError {
  readonly message: string;
  readonly hint: string;
  readonly start: number;
  readonly end: number;
}

const WITH_VALUE = 'LRDJpli';
const FLAGS = 'gNTn46C';
const LONG_FORM = 'write the long form: type, host, ingress and egress';

/** What the options that are no part of a short form are called in the long one. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  A: 'write forward_agent: true under hosts, and the long form here',
  F: 'write ssh_config: FILE under hosts, and the long form here',
  f: 'tunnels up -d runs in the background; leave it out',
  v: 'tunnels -v is verbose; leave it out',
  q: 'tunnels --progress quiet is quiet; leave it out',
  o: 'write the option under hosts by its own key, and the long form here',
  W: 'write the long form with an egress',
  t: 'a tunnel has no terminal; leave it out',
  w: 'tunnels carries TCP and unix sockets only',
};

interface Options {
  readonly values: Map<string, Part[]>;
  readonly flags: Set<string>;
  readonly operands: Word[];
}

export function parseShortForm(pieces: readonly Piece[]): Result<ShortForm, ShortFormError> {
  const length = pieces.reduce((sum, piece) => sum + piece.text.length, 0);
  const whole = { start: 0, end: length };
  const words = splitWords(pieces);
  if (!words.ok) return err({ ...words.error, hint: LONG_FORM });
  const options = readOptions(words.value);
  if (!options.ok) return options;
  const { values, flags, operands } = options.value;
  for (const letter of ['J', 'p', 'l']) {
    const twice = values.get(letter)?.[1];
    if (twice) return err({ message: `-${letter} is given twice`, hint: LONG_FORM, start: twice.start, end: twice.end });
  }
  const forward = oneForward(values, whole);
  if (!forward.ok) return forward;
  const [destination, command] = operands;
  if (!destination) return err({ message: 'the short form names no host', hint: 'end it with the host: -L 8080:web:80 bastion', ...whole });
  if (command) {
    const message = `"${command.text}" is one word too many: a tunnel runs no command`;
    return err({ message, hint: LONG_FORM, start: command.start, end: command.end });
  }
  const to = destinationOf(destination, values);
  if (!to.ok) return to;
  const parsed = parseForward(forward.value.letter, forward.value.part, flags.has('g'));
  if (!parsed.ok) return err({ ...parsed.error, hint: LONG_FORM });
  return ok({
    ...parsed.value,
    destination: to.value,
    destinationPart: destination,
    expose: flags.has('g'),
    via: values.get('J')?.[0] ?? null,
    identityFiles: values.get('i') ?? [],
    addressFamily: flags.has('4') ? 'inet' : flags.has('6') ? 'inet6' : null,
    compression: flags.has('C'),
  });
}

function readOptions(words: readonly Word[]): Result<Options, ShortFormError> {
  const options: Options = { values: new Map(), flags: new Set(), operands: [] };
  let ended = false;
  for (let at = words[0]?.text === 'ssh' && words[0].mayBeOption ? 1 : 0; at < words.length; at += 1) {
    const word = words[at] as Word;
    if (ended || !word.mayBeOption || !word.text.startsWith('-') || word.text === '-') options.operands.push(word);
    else if (word.text === '--') ended = true;
    else {
      const read = readCluster(word, words[at + 1], options);
      if (!read.ok) return read;
      if (read.value.tookNext) at += 1;
    }
  }
  return ok(options);
}

/** One word of options: `-N`, `-NTL`, `-L8080:web:80`. */
function readCluster(word: Word, next: Word | undefined, options: Options): Result<{ tookNext: boolean }, ShortFormError> {
  for (let index = 1; index < word.text.length; index += 1) {
    const letter = word.text.charAt(index);
    const place = { start: word.start, end: word.end };
    if (FLAGS.includes(letter)) {
      options.flags.add(letter);
      continue;
    }
    if (!WITH_VALUE.includes(letter)) {
      const hint = Object.hasOwn(ELSEWHERE, letter) ? (ELSEWHERE[letter] ?? LONG_FORM) : LONG_FORM;
      return err({ message: `${letter === '-' ? word.text : `-${letter}`} is no part of the short form`, hint, ...place });
    }
    const glued = word.text.slice(index + 1);
    if (glued === '' && !next) return err({ message: `-${letter} has no value`, hint: LONG_FORM, ...place });
    const part = glued === '' && next ? next : { text: glued, start: word.end - glued.length, end: word.end };
    const before = options.values.get(letter);
    if (before) before.push(part);
    else options.values.set(letter, [part]);
    return ok({ tookNext: glued === '' });
  }
  return ok({ tookNext: false });
}

function oneForward(
  values: Options['values'],
  whole: { start: number; end: number },
): Result<{ letter: 'L' | 'R' | 'D'; part: Part }, ShortFormError> {
  const all = (['L', 'R', 'D'] as const).flatMap((letter) => (values.get(letter) ?? []).map((part) => ({ letter, part })));
  const [forward, second] = all;
  if (!forward) return err({ message: 'the short form has no -L, -R or -D', hint: 'such as: -L 8080:web-server:80 bastion', ...whole });
  if (!second) return ok(forward);
  const { start, end } = second.part;
  return err({ message: 'a tunnel has one of -L, -R and -D', hint: 'make it two tunnels: they share the connection', start, end });
}

function destinationOf(word: Word, values: Options['values']): Result<Destination, ShortFormError> {
  const parsed = parseDestination(word.text);
  if (!parsed.ok) return err({ message: parsed.error, hint: LONG_FORM, start: word.start, end: word.end });
  const [userPart, portPart] = [values.get('l')?.[0], values.get('p')?.[0]];
  const { user, port } = parsed.value;
  if (userPart && user !== null && user !== userPart.text) {
    return err({ message: `-l ${userPart.text} and ${user}@ are two users`, hint: LONG_FORM, start: userPart.start, end: userPart.end });
  }
  const given = portPart && /^\d{1,5}$/.test(portPart.text) ? Number(portPart.text) : null;
  if (portPart && (given === null || given < 1 || given > 65535 || (port !== null && port !== given))) {
    return err({ message: `-p ${portPart.text} is no port, or a second one`, hint: LONG_FORM, start: portPart.start, end: portPart.end });
  }
  const combined = { ...parsed.value, user: userPart?.text ?? user, port: given ?? port };
  if (userPart && !parseDestination(`${userPart.text}@host`).ok) {
    return err({ message: `"${userPart.text}" is no user name`, hint: LONG_FORM, start: userPart.start, end: userPart.end });
  }
  return ok(combined);
}
