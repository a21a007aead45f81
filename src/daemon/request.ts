/** What a caller asks for, checked: a control socket believes nobody, and nothing a caller sends may end the process. */
import type { IncomingMessage } from 'node:http';
import { isAbsolute } from 'node:path';
import type { Asked, LoadChange } from '../runner/selection.ts';
import { DaemonError } from './daemon-error.ts';
import {
  MAX_MS,
  type DownRequest,
  type NamesRequest,
  type ReleaseRequest,
  type StopRequest,
  type StreamQuery,
  type UseRequest,
  type WaitRequest,
} from './protocol.ts';

/** Ten thousand names of a hundred characters. */
const MAX_BODY = 1024 * 1024;

type Fields = Readonly<Record<string, unknown>>;

const bad = (what: string): DaemonError => new DaemonError({ code: 'bad-request', message: `bad request: ${what}`, hint: null });

/** The body as a JSON object; an empty one is `{}`. */
export async function readBody(request: IncomingMessage): Promise<Fields> {
  const text = await readText(request);
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad('the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('the body is no JSON object');
  return value as Fields;
}

/** By its events: a loop that is left would destroy the connection before the answer is out. */
function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
      else reject(bad(`the body is larger than ${MAX_BODY} bytes`));
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('close', () => reject(bad('the body was cut off')));
  });
}

export function applyRequest(fields: Fields): Asked & { readonly watch: boolean } {
  const asked = { ...namesRequest(fields), noDeps: fields['noDeps'] === true, watch: fields['watch'] === true };
  return fields['load'] === undefined ? asked : { ...asked, load: loadChange(fields['load']) };
}

function loadChange(value: unknown): LoadChange {
  if (typeof value !== 'object' || value === null) throw bad('load is an object');
  const { cwd, files, profiles, envFiles, projectName, stdin } = value as Partial<Record<keyof LoadChange, unknown>>;
  if (typeof cwd !== 'string' || !isAbsolute(cwd)) throw bad('load.cwd is an absolute path');
  return {
    cwd,
    files: words(files, 'load.files'),
    profiles: words(profiles, 'load.profiles'),
    envFiles: words(envFiles, 'load.envFiles'),
    ...(typeof projectName === 'string' ? { projectName } : {}),
    ...(typeof stdin === 'string' ? { stdin } : {}),
  };
}

function words(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw bad(`${name} is a list of texts`);
  return value;
}

export function namesRequest(fields: Fields): Required<NamesRequest> {
  const names = fields['names'] ?? [];
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw bad('names is a list of names');
  return { names };
}

export const useRequest = (fields: Fields): Required<UseRequest> => ({
  ...namesRequest(fields),
  id: useId(fields['id']),
  noDeps: fields['noDeps'] === true,
  profiles: fields['profiles'] === undefined ? [] : words(fields['profiles'], 'profiles'),
});

export const releaseRequest = (fields: Fields): ReleaseRequest => ({ id: useId(fields['id']), drainMs: stopRequest(fields).drainMs });

export function useId(id: unknown): string {
  if (typeof id !== 'string' || !/^[\w-]{8,64}$/.test(id)) throw bad('id is 8 to 64 letters and digits');
  return id;
}

export const stopRequest = (fields: Fields): Required<StopRequest> => ({
  ...namesRequest(fields),
  drainMs: fields['drainMs'] === undefined || fields['drainMs'] === null ? null : milliseconds(fields['drainMs'], 'drainMs'),
});

export const downRequest = (fields: Fields): Required<DownRequest> => ({
  drainMs: stopRequest(fields).drainMs,
  keepJournal: fields['keepJournal'] === true,
});

export function waitRequest(fields: Fields): Required<WaitRequest> {
  const condition = fields['condition'] ?? 'open';
  if (condition !== 'open' && condition !== 'healthy') throw bad('condition is open or healthy');
  return { ...namesRequest(fields), condition, timeoutMs: milliseconds(fields['timeoutMs'], 'timeoutMs') };
}

export function streamQuery(query: URLSearchParams): StreamQuery {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text)) throw bad(`${name} is a whole number`);
    return value;
  };
  const [since, from, last] = [number('since'), number('from'), number('n')];
  return {
    ...(since === undefined ? {} : { since }),
    ...(from === undefined ? {} : { from }),
    ...(last === undefined ? {} : { last }),
    follow: query.get('follow') === '1',
    names: query.getAll('names').flatMap((each) => each.split(',').filter(Boolean)),
  };
}

function milliseconds(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > MAX_MS)
    throw bad(`${name} is a number of milliseconds, 0 to ${MAX_MS}`);
  return value;
}
