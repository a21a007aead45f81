/** The library: `import { load, up } from 'tunnels'`. The engine of the command line, in the process that imports it. */
export { load, type LoadedProject } from './library/load-project.ts';
export { up, type UpOptions } from './library/bring-up.ts';
export type { DownOptions, Reloaded, RunningProject } from './library/running-project.ts';
export type { ProjectOptions } from './library/project-options.ts';
export type { ReadyOptions } from './library/ready.ts';
export {
  ConfigurationError,
  NotOpenError,
  TunnelsError,
  type NotUp,
  type TunnelsErrorCode,
  type TunnelsErrorParts,
} from './library/tunnels-error.ts';
export type { Questions } from './runner/runner-port.ts';
export type { Address, TcpAddress, UnixAddress } from './core/address.ts';
export type { Diagnostic, DiagnosticCode, Position, SourceRange } from './core/diagnostic.ts';
export type { EventBody, Subject, TunnelsEvent } from './core/event.ts';
export type { Failure, FailureCode } from './core/failure.ts';
export type { ErrorView, HostView, Snapshot, TunnelView } from './core/snapshot.ts';
export type { HostSpec, Project, TunnelSpec, TunnelType } from './core/spec.ts';
