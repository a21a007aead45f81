/** The questions of `init`, to whoever sits at the terminal. */
import type { Readable, Writable } from 'node:stream';
import type * as clackPrompts from '@clack/prompts';
import { parseAddress } from '../../core/address.ts';
import type { Io } from '../io.ts';
import { DEFAULTS, KINDS, WORDS, type Kind, type Scaffold, type ScaffoldHost } from './scaffold.ts';

export type InitPrompts = Pick<typeof clackPrompts, 'confirm' | 'select' | 'text'>;

export interface AskOptions {
  readonly io: Pick<Io, 'stdin' | 'stderr'>;
  readonly prompts: InitPrompts;
  readonly project: string;
  /** What ~/.ssh/config knows. */
  readonly known: readonly string[];
  /** Chosen on the command line: not asked. */
  readonly kind: Kind | null;
  readonly host: string | null;
}

/** Thrown by a question that was answered with Ctrl-C or Escape; `asked` catches it. */
class Cancelled extends Error {}

const OTHER = '';

export function terminalStreams(io: Pick<Io, 'stdin' | 'stderr'>): { readonly input: Readable; readonly output: Writable } {
  return { input: io.stdin, output: io.stderr as unknown as Writable };
}

/** Null: cancelled. */
export async function askScaffold(options: AskOptions): Promise<Scaffold | null> {
  try {
    return await ask(options);
  } catch (error) {
    if (error instanceof Cancelled) return null;
    throw error;
  }
}

async function ask({ io, prompts, project, known, kind: chosen, host: named }: AskOptions): Promise<Scaffold> {
  const streams = terminalStreams(io);
  const text = async (message: string, initialValue: string, validate: (value: string) => string | undefined): Promise<string> => {
    const options = { ...streams, message, initialValue, validate: (value: string | undefined) => validate(value ?? '') };
    return answered(await prompts.text(options));
  };
  const host = async (message: string, fallback: string): Promise<ScaffoldHost> => {
    const options = [...known.map((value) => ({ value, label: value })), { value: OTHER, label: 'another one' }];
    const name = known.length === 0 ? OTHER : answered(await prompts.select({ ...streams, message, options, maxItems: 12 }));
    if (name !== OTHER) return { name, hostname: null, user: null };
    const destination = await text(
      known.length === 0 ? `${message} (user@name)` : 'Its name, as after ssh (user@name)',
      fallback,
      destinationProblem,
    );
    return hostOf(destination);
  };

  const kind =
    chosen ??
    answered(
      await prompts.select<Kind>({
        ...streams,
        message: 'What kind of tunnel?',
        options: KINDS.map((value) => ({ value, label: value, hint: WORDS[value] })),
      }),
    );
  const first = named === null ? await host('Through which host?', 'deploy@bastion.example.com') : knownOrNot(named, known);
  const behind = kind === 'double' ? await host('And which host behind it?', 'deploy@test-server') : placeholder('test-server');
  const inner = behind.name === first.name ? { ...behind, name: `${behind.name}-2` } : behind;
  const where = kind === 'remote' ? `on ${first.name}` : 'on this machine';
  const ingress = await text(`Where does it listen, ${where}? (port or address:port)`, DEFAULTS[kind].ingress, addressProblem);
  const egress =
    kind === 'dynamic' ? '' : await text('Where do its connections come out? (name:port)', DEFAULTS[kind].egress, addressProblem);
  return { kind, project, host: first, inner, ingress, egress };
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === 'symbol') throw new Cancelled();
  return answer as Exclude<T, symbol>;
}

export const placeholder = (name: string): ScaffoldHost => ({ name, hostname: `${name}.example.com`, user: 'deploy' });

/** One that ~/.ssh/config does not know is dialled by its name. */
export const knownOrNot = (destination: string, known: readonly string[]): ScaffoldHost =>
  known.includes(destination) ? { name: destination, hostname: null, user: null } : hostOf(destination);

/** `deploy@bastion.example.com` is `bastion` in the file. */
function hostOf(destination: string): ScaffoldHost {
  const at = destination.lastIndexOf('@');
  const hostname = destination.slice(at + 1);
  const isAddress = /^[\d.]+$/.test(hostname);
  const name = isAddress ? 'bastion' : (hostname.split('.')[0] ?? hostname);
  return { name: name === 'client' ? 'the-host' : name, hostname, user: at < 0 ? null : destination.slice(0, at) };
}

export function destinationProblem(text: string): string | undefined {
  return /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)
    ? undefined
    : 'It is a name or an address, with user@ before it where it needs one.';
}

function addressProblem(text: string): string | undefined {
  const parsed = parseAddress(text, 'localhost');
  if (!parsed.ok) return `It ${parsed.error}.`;
  return parsed.value.count === 1 ? undefined : 'One port here: ranges can be written into the file.';
}
