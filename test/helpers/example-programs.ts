/** The programs beside an example's tunnels.yaml, run on `you` as their users would: in a copy, with the package installed. */
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { type Child, type RunResult, runChild, startChild } from './child.ts';
import type { Machines } from './machines.ts';
import { programFile } from './project.ts';
import { remove, scratch } from './scratch.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface ExampleCopy {
  readonly dir: string;
  run(command: readonly string[], ms?: number): Promise<RunResult>;
  start(command: readonly string[]): Child;
  remove(): void;
}

/** `linked`: packages of this repository that are installed beside `tunnels`. */
export function copyOfExample(machines: Machines, example: string, linked: readonly string[] = []): ExampleCopy {
  const root = scratch('example');
  const dir = join(root, example);
  cpSync(join(ROOT, 'examples', example), dir, { recursive: true });
  const modules = join(dir, 'node_modules');
  const installed = join(modules, 'tunnels');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  mkdirSync(installed);
  cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
  symlinkSync(dirname(programFile()), join(installed, 'dist'));
  for (const name of linked) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  const bin = join(modules, '.bin', 'tunnels');
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${programFile()}' "$@"\n`);
  chmodSync(bin, 0o755);
  const { HOME = '' } = machines.project.env;
  const env = {
    ...machines.project.env,
    PATH: `${join(modules, '.bin')}:${dirname(process.execPath)}:${machines.project.env['PATH'] ?? ''}`,
  };
  const within = [...machines.on('you'), 'unshare', '--mount', '--propagation', 'private', join(HOME, 'enter')];
  const words = (command: readonly string[]): [string, string[]] => {
    const [program = '', ...args] = [...within, ...command];
    return [program, args];
  };
  return {
    dir,
    run: (command, ms = 60_000) => runChild(...words(command), { cwd: dir, env, ms }),
    start: (command) => startChild(...words(command), { cwd: dir, env }),
    remove: () => remove(root),
  };
}

export interface WebServer {
  readonly command: string;
  readonly url: string;
  readonly gracefulShutdown: { readonly signal: NodeJS.Signals };
}

/** What a playwright.config.ts asks for, without playwright: it is written for `defineConfig`, which gives back what it is given. */
export async function webServerOf(file: string): Promise<WebServer> {
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: { module: ts.ModuleKind.ESNext } });
  const source = outputText.replace(/^import .*$/m, 'const defineConfig = (config) => config;');
  const { default: config } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as { default: { webServer: WebServer } };
  return config.webServer;
}
