/** The names a command line may hold: of the file as it is, of the project that is up. Never fails, never asks ssh, never waits long. */
import type { LoadFailure, Loaded } from '../../config/loaded.ts';
import type { SshConfigLookup } from '../../config/ssh-config.ts';
import { formatAddress } from '../../core/address.ts';
import type { TunnelSpec } from '../../core/spec.ts';
import type { Io } from '../io.ts';
import { projectPlace } from '../project-place.ts';
import type { Asked, Candidate, NameSource } from './candidates.ts';

/** Whoever presses Tab waits for it. Milliseconds. */
const LIMIT = 1_000;

interface Names {
  readonly tunnels: readonly Candidate[];
  readonly hosts: readonly Candidate[];
  readonly profiles: readonly Candidate[];
  readonly projects: readonly Candidate[];
}

const NONE: Names = { tunnels: [], hosts: [], profiles: [], projects: [] };

/** Every name is known here: what ssh_config says of it is of no interest. */
const anyHost: SshConfigLookup = async () => ({ status: 'answered', matched: true, settings: {} });

export function nameSource(io: Pick<Io, 'cwd' | 'env'>): NameSource {
  let read: Promise<Names> | null = null;
  const names = (asked: Asked): Promise<Names> => (read ??= allNames(io, asked));
  return {
    tunnels: async (asked) => (await names(asked)).tunnels,
    hosts: async (asked) => (await names(asked)).hosts,
    profiles: async (asked) => (await names(asked)).profiles,
    projects: async () => (await limited(runningProjects(io))).projects,
  };
}

async function runningProjects({ env }: Pick<Io, 'env'>): Promise<Names> {
  const [{ listProjects }, { stateRoot }] = await Promise.all([import('../../daemon/list-projects.ts'), import('../../daemon/paths.ts')]);
  const all = await listProjects(stateRoot(env));
  const projects = all.flatMap((each) => (each.state === 'running' ? [{ value: each.status.project, description: each.status.file }] : []));
  return { ...NONE, projects: once(projects) };
}

async function allNames(io: Pick<Io, 'cwd' | 'env'>, asked: Asked): Promise<Names> {
  // Standard input is the terminal here.
  if (asked.files.includes('-')) return NONE;
  const [file, running] = await Promise.all([limited(namesOfFile(io, asked)), limited(namesOfRunning(io, asked))]);
  return {
    ...NONE,
    tunnels: once([...file.tunnels, ...running.tunnels]),
    hosts: once([...file.hosts, ...running.hosts]),
    profiles: once(file.profiles),
  };
}

async function limited(names: Promise<Names>): Promise<Names> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Names>((resolve) => {
    timer = setTimeout(() => resolve(NONE), LIMIT);
  });
  const found = await Promise.race([names.catch(() => NONE), limit]);
  clearTimeout(timer);
  return found;
}

async function namesOfFile({ cwd, env }: Pick<Io, 'cwd' | 'env'>, { files }: Asked): Promise<Names> {
  const { load } = await import('../../config/load.ts');
  const result = await load({ cwd, files, profiles: ['*'], envFiles: [], env }, { lookup: anyHost });
  return result.ok ? namesOfProject(result.value) : namesOfTexts(result.error);
}

function namesOfProject({ project }: Loaded): Names {
  const tunnels = [...project.tunnels.values()];
  return {
    ...NONE,
    tunnels: tunnels.map((spec) => ({ value: spec.name, description: wayOf(spec) })),
    hosts: [...project.hosts.values()].map(({ name, hostname }) => ({ value: name, description: hostname })),
    profiles: tunnels.flatMap(({ profiles }) => profiles.map((value) => ({ value, description: 'a profile' }))),
  };
}

function wayOf({ type, ingress, egress, hosts }: TunnelSpec): string {
  const to = egress === null ? '' : ` → ${formatAddress(egress)}`;
  return `${type} ${formatAddress(ingress)}${to} by ${hosts.join(', ')}`;
}

/** A file that is not valid, for now: the keys of what could be read of it. */
async function namesOfTexts({ sources }: LoadFailure): Promise<Names> {
  const { parseDocument, isMap } = await import('yaml');
  const documents = [...sources.values()].map((text) => parseDocument(text));
  const keysOf = (key: string): Candidate[] =>
    documents.flatMap((document) => {
      const map = isMap(document.contents) ? document.get(key) : null;
      return isMap(map) ? map.items.map((pair) => ({ value: String(pair.key), description: '' })) : [];
    });
  return { ...NONE, tunnels: keysOf('tunnels'), hosts: keysOf('hosts') };
}

async function namesOfRunning(io: Pick<Io, 'cwd' | 'env'>, asked: Asked): Promise<Names> {
  const { findProject } = await import('../../daemon/find-project.ts');
  const place = await projectPlace(io, asked);
  const snapshot = place && (await (await findProject(place))?.snapshot());
  if (!snapshot) return NONE;
  return {
    ...NONE,
    tunnels: snapshot.tunnels.map(({ name, state, ingress }) => ({ value: name, description: `${state} ${ingress}` })),
    hosts: snapshot.hosts.map(({ name, state }) => ({ value: name, description: state })),
  };
}

/** What cannot be typed is left out: a line is a candidate, and a hostile file must not reach the terminal with it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const UNTYPEABLE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

function once(candidates: readonly Candidate[]): readonly Candidate[] {
  const seen = new Map<string, Candidate>();
  for (const each of candidates) if (!seen.has(each.value) && each.value !== '' && !UNTYPEABLE.test(each.value)) seen.set(each.value, each);
  return [...seen.values()];
}
