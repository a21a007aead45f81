/** A problem in the configuration: collected, never thrown (DESIGN section 5). */

export type DiagnosticCode =
  | 'yaml-syntax'
  | 'schema'
  | 'unknown-host'
  | 'unknown-tunnel'
  | 'duplicate-ingress'
  | 'cycle'
  | 'unset-variable'
  | 'literal-secret'
  | 'exposed'
  | 'include-outside'
  | 'unsupported'
  | 'file-missing'
  /** A warning: commands of the file are not run. */
  | 'untrusted';

/** 1-based line and column, as editors count them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SourceRange {
  /** As the user named it or relative to the project directory: what is printed. */
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Null where no line of any file is at fault, e.g. no file was found. */
  readonly range: SourceRange | null;
  /** What to do next: `did you mean "bastion"?`. */
  readonly hint: string | null;
}

/** `tunnels.yaml:12:11 unknown host "bastoin", did you mean "bastion"?` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { range, message, hint } = diagnostic;
  const place = range ? `${range.file}:${range.start.line}:${range.start.column} ` : '';
  return shown(`${place}${message}${hint ? `, ${hint}` : ''}`);
}

/** Parts of the file are quoted in messages: what would move a terminal's cursor or colour it is shown as what it is. */
const shown = (text: string): string =>
  text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
