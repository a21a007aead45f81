/** The commands a project would run on this machine, and what a user's trust in them is bound to. */
import { createHash } from 'node:crypto';
import type { SourceRange } from '../core/diagnostic.ts';
import { toPlain, type Node } from './node.ts';
import { rangeOf, type Source, type Span } from './source.ts';

export type CommandUse =
  | { readonly of: 'healthcheck'; readonly intervalMs: number; readonly env: Readonly<Record<string, string>> }
  /** `account` is who is logged in where: `deploy@bastion.example.com:22`. */
  | { readonly of: 'password' | 'passphrase'; readonly account: string };

/** As resolving finds it. */
export interface FoundCommand {
  /** The tunnel's name, or the host's. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly use: CommandUse;
  readonly at: Span;
}

export type ProjectCommandView = Omit<FoundCommand, 'at'> & { readonly range: SourceRange };

export interface ProjectCommands {
  /** The real path of the project's file: with the digest, what the user trusts. */
  readonly file: string;
  /** Where they run. */
  readonly directory: string;
  /** Of everything the configuration is made of: another one must be looked at again. */
  readonly digest: string;
  /** In the order of the files, those of inactive tunnels too: what is trusted is the file. */
  readonly list: readonly ProjectCommandView[];
}

export interface Made {
  readonly file: string;
  readonly directory: string;
  readonly found: readonly FoundCommand[];
  readonly sources: readonly Source[];
  /** Of the env files. */
  readonly envTexts: readonly string[];
  /** Merged, with the variables put in. */
  readonly tree: Node;
}

export function projectCommands({ found, ...made }: Made): ProjectCommands {
  const { file, directory, sources } = made;
  const rank = (source: Source): number => sources.findIndex((each) => each.name === source.name);
  const list = found.toSorted((a, b) => rank(a.at.source) - rank(b.at.source) || a.at.start - b.at.start);
  return { file, directory, digest: digestOf(made), list: list.map(({ at, ...each }) => ({ ...each, range: rangeOf(at) })) };
}

/**
 * The texts, so that no change of a file goes unseen; what they come to, for a variable of the environment may be what decides; and where
 * they run, for a link to a trusted file may lie beside somebody else's `./check`.
 * Each part with its length before it: no text can pose as two.
 */
function digestOf({ directory, sources, envTexts, tree }: Omit<Made, 'file' | 'found'>): string {
  const hash = createHash('sha256');
  const add = (kind: string, text: string): void => void hash.update(`${kind} ${Buffer.byteLength(text)}\n`).update(text);
  add('directory', directory);
  for (const { text } of sources) add('file', text);
  for (const text of envTexts) add('env', text);
  add('resolved', JSON.stringify(toPlain(tree)));
  return `sha256:${hash.digest('hex')}`;
}
