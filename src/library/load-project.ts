/** Loads a configuration without running it. */
import { codeFrame } from '../config/code-frame.ts';
import { load as loadConfiguration } from '../config/load.ts';
import type { LoadFailure, Loaded } from '../config/loaded.ts';
import { formatDiagnostic, type Diagnostic } from '../core/diagnostic.ts';
import type { Project } from '../core/spec.ts';
import { toLoadOptions, type ProjectOptions } from './project-options.ts';
import { ConfigurationError } from './tunnels-error.ts';

export interface LoadedProject {
  /** Hosts and tunnels with everything merged, filled in and looked up. Durations are in milliseconds. Secrets are named, not held. */
  readonly project: Project;
  /** The first file's real path; absolute. */
  readonly file: string;
  /** What relative paths of the file are relative to; absolute. */
  readonly directory: string;
  /** Every file that was read, or would have been had it existed. */
  readonly files: readonly string[];
  /** What is doubtful, though valid. */
  readonly warnings: readonly Diagnostic[];
}

/**
 * Finds, reads and checks `tunnels.yaml`; asks `ssh -G` what ssh_config says of its hosts; dials nothing.
 * Rejects with `ConfigurationError`, which holds every problem at once.
 */
export async function load(options: ProjectOptions = {}): Promise<LoadedProject> {
  const result = await loadConfiguration(toLoadOptions(options));
  if (!result.ok) throw configurationError(result.error);
  return loadedProject(result.value);
}

export const loadedProject = ({ project, mainFile, projectDirectory, watch, diagnostics }: Loaded): LoadedProject => ({
  project,
  file: mainFile,
  directory: projectDirectory,
  files: watch,
  warnings: diagnostics,
});

export function configurationError({ diagnostics, sources }: LoadFailure): ConfigurationError {
  const lines = diagnostics.flatMap((diagnostic) => {
    const { range, severity } = diagnostic;
    const text = range === null ? undefined : sources.get(range.file);
    const headline = `${severity === 'warning' ? 'warning: ' : ''}${formatDiagnostic(diagnostic)}`;
    return range === null || text === undefined ? [headline] : [headline, codeFrame(text, range)];
  });
  return new ConfigurationError(lines.join('\n'), diagnostics);
}
