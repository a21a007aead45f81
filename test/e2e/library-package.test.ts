/** What is published, as somebody who installs it has it: packed, unpacked into node_modules, imported, type-checked, run. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, type RunResult, runChild } from '../helpers/child.ts';
import { refuseStackTrace } from '../helpers/no-stack-trace.ts';
import { createProject, hostEntry, programFile, type Project } from '../helpers/project.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { startWww, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; files: readonly string[] };

let consumer: string;
let packed: readonly string[];
let bastion: Sshd;
let www: Service;
let project: Project;

/** npm packs a copy of what it would publish, with the program as it was built for these tests as dist/. */
async function pack(): Promise<{ tarball: string; staging: string }> {
  const staging = scratch('pack');
  for (const file of ['package.json', 'README.md', ...manifest.files.filter((each) => each !== 'dist')])
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(staging, file), { recursive: true });
  cpSync(dirname(programFile()), join(staging, 'dist'), { recursive: true });
  const npm = ['pack', '--ignore-scripts', '--json', '--loglevel', 'error'];
  const [told] = JSON.parse(await check('npm', npm, { cwd: staging })) as [{ filename: string; files: { path: string }[] }];
  packed = told.files.map(({ path }) => path);
  return { tarball: join(staging, told.filename), staging };
}

beforeAll(async () => {
  [bastion, www] = await Promise.all([startSshd({ name: 'bastion' }), startWww({ page: 'hello from www' })]);
  const tunnels = { web: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${www.port}` } };
  project = createProject({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
  const { tarball, staging } = await pack();
  consumer = scratch('consumer');
  const modules = join(consumer, 'node_modules');
  mkdirSync(join(modules, 'tunnels'), { recursive: true });
  mkdirSync(join(modules, '@types'));
  await check('tar', ['-xzf', tarball, '-C', join(modules, 'tunnels'), '--strip-components=1']);
  for (const name of ['ssh2', '@types/node', 'undici-types']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  remove(staging);
});

afterAll(async () => {
  await project.remove();
  await Promise.all([bastion.stop(), www.stop()]);
  remove(consumer);
});

async function node(args: readonly string[]): Promise<RunResult> {
  const result = await runChild(process.execPath, args, { cwd: project.dir, env: project.env, ms: 30_000 });
  refuseStackTrace(`${result.stdout}\n${result.stderr}`);
  return result;
}
const program = (...args: readonly string[]): Promise<RunResult> => node([join(consumer, 'node_modules/tunnels/dist/main.js'), ...args]);
const script = (text: string): Promise<RunResult> => {
  writeFileSync(join(consumer, 'script.mjs'), text);
  return node([join(consumer, 'script.mjs')]);
};

describe('the package', () => {
  it('holds the program, the library, its types, the schema, the example of the demo and all licences', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'dist/THIRD-PARTY-LICENSES.txt',
        'dist/index.d.ts',
        'dist/index.js',
        'dist/main.js',
        'examples/double-tunnel/tunnels.yaml',
        'schema/tunnels.schema.json',
      ]),
    );
    expect(packed.filter((path) => /^(src|test|scripts|node_modules|\.)/.test(path))).toEqual([]);
  });

  it('names the licence of every package whose code it holds, with its text', () => {
    const notices = readFileSync(join(consumer, 'node_modules/tunnels/dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['yaml', 'commander', 'chokidar', 'listr2', '@clack/prompts'])
      expect(notices).toMatch(new RegExp(`^${name} \\d`, 'm'));
    expect(notices.match(/Permission (is hereby granted|to use)/g)?.length).toBeGreaterThan(10);
    expect(notices).not.toMatch(/^(typescript|vitest|rolldown) /m);
  });

  it('passes publint', async () => {
    const publint = join(ROOT, 'node_modules/publint/src/cli.js');
    const { code, stdout } = await runChild(process.execPath, [
      publint,
      join(consumer, 'node_modules/tunnels'),
      '--strict',
      '--pack',
      'false',
    ]);
    expect({ code, stdout }).toMatchObject({ code: 0 });
  });
});

describe('the program of the package', () => {
  it('says its version', async () => {
    expect(await program('--version')).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
  });

  it('runs the demo', async () => {
    const { code, stdout } = await program('demo');
    expect(code).toBe(0);
    expect(stdout).toContain('SHA-256 equal');
  });
});

describe('the library of the package', () => {
  it('brings up, tells the port, carries bytes, and leaves nothing that keeps the process', async () => {
    const { code, stdout, stderr } = await script(`
      import { load, up } from 'tunnels';
      console.log([...(await load()).project.tunnels.keys()].join());
      const project = await up();
      const { TUNNEL_WEB_PORT: port, TUNNEL_WEB_ADDRESS: address } = project.env();
      console.log(port === String(project.port('web')), project.tunnels[0].state);
      console.log((await (await fetch(\`http://\${address}:\${port}/\`)).text()).trim());
      await project.down();
    `);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('web\ntrue open\nhello from www\n');
  });

  it('shows what is wrong with a file and no stack, where nobody catches it', async () => {
    project.write('tunnels:\n  web: -L 1:a:2 nowhere:22:22\n', 'broken.yaml');
    const { code, stderr } = await script(`import { up } from 'tunnels';\nawait up({ files: ['broken.yaml'] });\n`);
    expect(code).toBe(1);
    expect(stderr).toContain('ConfigurationError: broken.yaml:2:');
  });

  it('has types that say what it does, also to a strict compiler that checks libraries', async () => {
    writeFileSync(
      join(consumer, 'script.ts'),
      `import { ConfigurationError, load, NotOpenError, up, type Diagnostic, type RunningProject, type TunnelsEvent } from 'tunnels';
       export async function use(): Promise<number> {
         const { project, warnings } = await load({ files: ['a.yaml'] });
         const hosts: readonly string[] = [...project.hosts.keys()];
         const first: Diagnostic | undefined = warnings[0];
         const running: RunningProject = await up({ cwd: '.', profiles: ['x'], timeoutMs: 1_000, signal: AbortSignal.timeout(5) });
         await using _ = running;
         const off = running.on((event: TunnelsEvent) => { if (event.type === 'tunnel-state') event.to satisfies string; });
         off();
         const { changes } = await running.reload();
         // @ts-expect-error: it is a number
         const text: string = running.port('web');
         // @ts-expect-error: there is no such option
         await up({ file: 'a.yaml' });
         return changes + hosts.length + text.length + (first?.range?.start.line ?? 0);
       }
       export const kindOf = (error: unknown): number | string =>
         error instanceof ConfigurationError ? error.diagnostics.length : error instanceof NotOpenError ? (error.notUp[0]?.name ?? '') : 'else';
      `,
    );
    for (const [module, resolution] of [
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ]) {
      const compilerOptions = {
        target: 'es2022',
        lib: ['es2022', 'esnext.disposable'],
        module,
        moduleResolution: resolution,
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      };
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['script.ts'] }));
      const { code, stdout } = await runChild(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', consumer], {
        ms: 60_000,
      });
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    }
  });
});
