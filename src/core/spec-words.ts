/** The fields and values of specs in the words of tunnels.yaml, as a plan tells of them. Specs hold no secret but what a URL may carry. */
import { formatAddress, type Address } from './address.ts';
import { durationText } from './duration.ts';

const WORDS: Readonly<Record<string, string>> = {
  identityFiles: 'identity_file',
  identityFilesExplicit: 'identity_file',
  certificateFiles: 'certificate_file',
  hostKeys: 'host_key',
};

/** `connectTimeoutMs` → `connect_timeout`. */
export const fieldWord = (field: string): string =>
  WORDS[field] ?? field.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A value of the field as the file would have it, in short. */
export function valueWords(field: string, value: unknown): string {
  if (value === null || value === undefined) return field === 'attempts' ? 'unlimited' : 'none';
  if (field === 'identityFilesExplicit') return value === true ? 'required' : 'where there is one';
  if (typeof value === 'number') return numberWords(field, value);
  if (typeof value === 'string') return value.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]+@/gi, '$1:***@');
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `[${value.map((each) => valueWords(field, each)).join(', ')}]`;
  return typeof value === 'object' ? objectWords(field, value as Readonly<Record<string, unknown>>) : JSON.stringify(value);
}

function numberWords(field: string, value: number): string {
  if (field.endsWith('Ms')) return durationText(value);
  return field === 'socketMode' ? value.toString(8).padStart(4, '0') : String(value);
}

function objectWords(of: string, value: Readonly<Record<string, unknown>>): string {
  const { kind, argv, trusted, tunnel, condition, probe } = value;
  if (kind === 'unix' || (kind === 'tcp' && 'port' in value)) return formatAddress(value as unknown as Address);
  if (Array.isArray(argv)) return `${valueWords('command', argv)}${trusted === false ? ' (not trusted)' : ''}`;
  if (typeof tunnel === 'string') return condition === 'healthy' ? `${tunnel} (healthy)` : tunnel;
  const fields = Object.entries({ ...probeFields(probe), ...value }).filter(([field]) => field !== 'probe');
  // The keys of `env` are names of the user's.
  const word = of === 'env' ? (name: string): string => name : fieldWord;
  return `{${fields.map(([field, each]) => `${word(field)}: ${valueWords(field, each)}`).join(', ')}}`;
}

/** A healthcheck says what it asks by a key of that name. */
function probeFields(probe: unknown): Readonly<Record<string, unknown>> {
  if (typeof probe !== 'object' || probe === null) return {};
  const { kind, path, command } = probe as Readonly<Record<string, unknown>>;
  return { [String(kind)]: path ?? command ?? true };
}
