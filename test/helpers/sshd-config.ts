/** The text of sshd_config: what the test asks for comes first, because sshd takes the first value of a keyword. */

export type ConfigValue = string | number | boolean | readonly string[];

/** sshd_config(5) keywords; a list repeats the keyword, a boolean is yes or no. */
export type SshdOverrides = Readonly<Record<string, ConfigValue>>;

export interface SshdConfigParts {
  readonly listen: string;
  readonly port: number;
  readonly dir: string;
  readonly hostKeyFiles: readonly string[];
  readonly overrides: SshdOverrides;
  /** Added at the end, e.g. Match blocks. */
  readonly lines: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logLevel: string;
  readonly accounts: boolean;
  readonly version: { readonly major: number; readonly minor: number };
}

const text = (value: string | number | boolean): string => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value));

const lineOf = (keyword: string, value: ConfigValue): string[] =>
  typeof value === 'object' ? value.map((each) => `${keyword} ${each}`) : [`${keyword} ${text(value)}`];

/** Quoted as sshd reads it; it knows no escapes inside. */
const setEnv = (env: Readonly<Record<string, string>>): string[] => {
  const words = Object.entries(env).map(([name, value]) => `"${name}=${value}"`);
  return words.length === 0 ? [] : [`SetEnv ${words.join(' ')}`];
};

export function sshdConfig(parts: SshdConfigParts): string {
  const { overrides, version, dir } = parts;
  const listen = parts.listen.includes(':') ? `[${parts.listen}]` : parts.listen;
  const penalties = version.major > 9 || (version.major === 9 && version.minor >= 8);
  return [
    ...Object.entries(overrides).flatMap(([keyword, value]) => lineOf(keyword, value)),
    `ListenAddress ${listen}:${parts.port}`,
    ...parts.hostKeyFiles.map((file) => `HostKey ${file}`),
    `PidFile ${dir}/pid`,
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    // The directory is under /tmp, which anybody may write to; StrictModes looks at every directory on the way.
    'StrictModes no',
    'PermitRootLogin yes',
    'PubkeyAuthentication yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    ...(parts.accounts || process.getuid?.() === 0 ? ['UsePAM no'] : []),
    'UseDNS no',
    'PrintMotd no',
    'X11Forwarding no',
    'LoginGraceTime 30',
    // Tests dial at once and often from one address; the limits have tests of their own.
    // Of this keyword sshd takes the last value, not the first.
    ...(Object.hasOwn(overrides, 'MaxStartups') ? [] : ['MaxStartups 200:30:400']),
    ...(penalties ? ['PerSourcePenalties no'] : []),
    ...setEnv(parts.env),
    `LogLevel ${parts.logLevel}`,
    ...parts.lines,
    '',
  ].join('\n');
}
