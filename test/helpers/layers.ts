/** The rules of the source tree, checked on the syntax trees of TypeScript: who may import whom, and what is not to be used where. */
import { posix } from 'node:path';
import ts from 'typescript';

/** A file's path from the project root, with `/`, to its text. */
export type Sources = ReadonlyMap<string, string>;

export interface Violation {
  readonly rule: Rule;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export type Rule = 'direction' | 'package' | 'global' | 'exit' | 'cycle' | 'name' | 'length' | 'unresolved';

interface RoomRule {
  /** Rooms it may import, itself included without being named. */
  readonly rooms: readonly string[];
  /** Files of other rooms whose types it may import. */
  readonly types?: readonly string[];
}

/** The import table; src/main.ts and src/index.ts are rooms of their own. */
export const ROOMS: Readonly<Record<string, RoomRule>> = {
  core: { rooms: [] },
  config: { rooms: ['core'] },
  ssh: { rooms: ['core'] },
  forward: { rooms: ['core'], types: ['src/ssh/connection.ts'] },
  engine: { rooms: ['core', 'ssh', 'forward'] },
  runner: { rooms: ['core', 'config', 'engine'] },
  demo: { rooms: ['core', 'ssh'] },
  daemon: { rooms: ['core', 'runner'] },
  cli: { rooms: ['core', 'config', 'runner', 'daemon', 'demo'] },
  library: { rooms: ['core', 'config', 'runner'] },
  index: { rooms: ['core', 'runner', 'library'] },
  main: { rooms: ['cli'] },
};

/** Packages that one room alone may import. */
const PACKAGE_OWNERS: Readonly<Record<string, string>> = { ssh2: 'ssh' };

/** Names that tell nothing of what is in the file. */
const BANNED_NAME = /(^|-)(utils?|helpers?|managers?)$|^types?$/;

/** What a pure core must not touch: time, chance, the terminal, the process, the event loop. */
const IMPURE = new Set([
  'console',
  'process',
  'performance',
  'crypto',
  'fetch',
  'globalThis',
  'Buffer',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random']);

export const MAX_LINES = 400;

interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Nothing of it is there at run time. */
  readonly typeOnly: boolean;
}

const roomOf = (file: string): string => (file.split('/')[1] ?? '').replace(/\.ts$/, '');

const lineOf = (source: ts.SourceFile, node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;

const literal = (node: ts.Node | undefined): string | null => (node !== undefined && ts.isStringLiteralLike(node) ? node.text : null);

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

function importIsTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  if (clause.name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

/** Every way one module can name another: import, export from, import(), import type, import = require, require(). */
function importsOf(source: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  const add = (node: ts.Node, specifier: string | null, typeOnly: boolean): void => {
    if (specifier !== null) imports.push({ specifier, line: lineOf(source, node), typeOnly });
  };
  visit(source, (node) => {
    if (ts.isImportDeclaration(node)) add(node, literal(node.moduleSpecifier), importIsTypeOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) {
      const named = node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
      add(node, literal(node.moduleSpecifier), node.isTypeOnly || (named.length > 0 && named.every((element) => element.isTypeOnly)));
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, literal(node.argument.literal), true);
    else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference))
      add(node, literal(node.moduleReference.expression), node.isTypeOnly);
    else if (ts.isCallExpression(node)) {
      const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword;
      if (dynamic || (ts.isIdentifier(node.expression) && node.expression.text === 'require')) add(node, literal(node.arguments[0]), false);
    }
  });
  return imports;
}

/** `@scope/name/deep` is `@scope/name`; `node:fs` is itself. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const resolve = (file: string, specifier: string): string => posix.normalize(posix.join(posix.dirname(file), specifier));

/** An identifier that names a global, and not a property, a key or something declared. */
function isGlobalUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  if (ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent)) return false;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return false;
  if ((ts.isPropertySignature(parent) || ts.isMethodSignature(parent) || ts.isPropertyDeclaration(parent)) && parent.name === node)
    return false;
  if ((ts.isMethodDeclaration(parent) || ts.isParameter(parent) || ts.isVariableDeclaration(parent)) && parent.name === node) return false;
  if (ts.isBindingElement(parent) || ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  return true;
}

const bindsName = (name: ts.BindingName, wanted: string): boolean =>
  ts.isIdentifier(name)
    ? name.text === wanted
    : name.elements.some((element) => ts.isBindingElement(element) && bindsName(element.name, wanted));

/** Whether a node that opens a scope declares `name` in it, as a parameter, a variable or a function. */
function declares(scope: ts.Node, name: string): boolean {
  if (ts.isFunctionLike(scope)) return scope.parameters.some((parameter) => bindsName(parameter.name, name));
  if (ts.isCatchClause(scope)) return scope.variableDeclaration !== undefined && bindsName(scope.variableDeclaration.name, name);
  const inList = (list: ts.VariableDeclarationList): boolean => list.declarations.some((each) => bindsName(each.name, name));
  if (ts.isForStatement(scope) || ts.isForOfStatement(scope) || ts.isForInStatement(scope)) {
    const { initializer } = scope;
    return initializer !== undefined && ts.isVariableDeclarationList(initializer) && inList(initializer);
  }
  if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) return false;
  return scope.statements.some(
    (statement) =>
      (ts.isVariableStatement(statement) && inList(statement.declarationList)) ||
      (ts.isFunctionDeclaration(statement) && statement.name?.text === name),
  );
}

/** Whether the name means something of the file's own here, and not the global. */
function isShadowed(node: ts.Node, name: string): boolean {
  for (let scope: ts.Node | undefined = node.parent; scope !== undefined; scope = scope.parent) if (declares(scope, name)) return true;
  return false;
}

function impureUses(source: ts.SourceFile): { readonly what: string; readonly line: number }[] {
  const uses: { what: string; line: number }[] = [];
  visit(source, (node) => {
    if (ts.isIdentifier(node) && IMPURE.has(node.text) && isGlobalUse(node) && !isShadowed(node, node.text))
      uses.push({ what: node.text, line: lineOf(source, node) });
    if (ts.isPropertyAccessExpression(node) && IMPURE_MEMBERS.has(node.getText(source)))
      uses.push({ what: node.getText(source), line: lineOf(source, node) });
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && (node.arguments ?? []).length === 0)
      uses.push({ what: 'new Date()', line: lineOf(source, node) });
  });
  return uses;
}

/** `process.exit`, `process.reallyExit`, `process.abort`, and `exit` imported from node:process. */
function exits(source: ts.SourceFile): number[] {
  const lines: number[] = [];
  visit(source, (node) => {
    if (
      ts.isPropertyAccessExpression(node) &&
      /^process\??\.(exit|reallyExit|abort)$/.test(node.getText(source)) &&
      !isShadowed(node, 'process')
    )
      lines.push(lineOf(source, node));
    if (ts.isImportDeclaration(node) && /^(node:)?process$/.test(literal(node.moduleSpecifier) ?? '')) {
      const bindings = node.importClause?.namedBindings;
      if (
        bindings !== undefined &&
        ts.isNamedImports(bindings) &&
        bindings.elements.some((each) => /^(exit|abort)$/.test((each.propertyName ?? each.name).text))
      )
        lines.push(lineOf(source, node));
    }
  });
  return lines;
}

export const linesIn = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Checks src; files elsewhere are ignored. Generated files are known, so that they can be imported, but are not judged. */
export function checkLayers(sources: Sources): Violation[] {
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, text] of sources) {
    if (!file.startsWith('src/')) continue;
    const generated = file.includes('/generated/');
    const report = (rule: Rule, line: number, message: string): void => {
      if (!generated) violations.push({ rule, file, line, message });
    };
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const room = roomOf(file);
    const rule = ROOMS[room];
    if (rule === undefined) {
      report('direction', 1, `src/${room} is in no row of the import table`);
      continue;
    }
    const base = posix.basename(file).replace(/\.ts$/, '');
    if (BANNED_NAME.test(base)) report('name', 1, `${base}.ts does not say what it does`);
    const lines = linesIn(text);
    if (lines > MAX_LINES) report('length', lines, `${lines} lines; more than ${MAX_LINES} is more than one thing`);
    if (room === 'core') for (const use of impureUses(source)) report('global', use.line, `core is pure and uses ${use.what}`);
    if (room !== 'main') for (const line of exits(source)) report('exit', line, 'only src/main.ts ends the process');

    const edges: string[] = [];
    for (const { specifier, line, typeOnly } of importsOf(source)) {
      if (!specifier.startsWith('.')) {
        const name = packageOf(specifier);
        const owner = PACKAGE_OWNERS[name];
        if (owner !== undefined && owner !== room) report('package', line, `only src/${owner} imports ${name}`);
        else if (room === 'core') report('package', line, `core imports nothing, and this is ${specifier}`);
        continue;
      }
      const target = resolve(file, specifier);
      if (!target.startsWith('src/')) {
        if (/\.tsx?$/.test(target)) report('direction', line, `src imports ${target}`);
        continue;
      }
      if (!sources.has(target)) {
        report('unresolved', line, `there is no ${target}`);
        continue;
      }
      edges.push(target);
      const other = roomOf(target);
      if (other === room || rule.rooms.includes(other)) continue;
      if (rule.types?.includes(target) === true) {
        if (!typeOnly) report('direction', line, `${room} may import types of ${target}, and this is a value`);
        continue;
      }
      report('direction', line, `${room} may not import ${other} (${target})`);
    }
    graph.set(file, edges);
  }
  return [...violations, ...cycles(graph)];
}

/** One violation for each cycle that a depth-first walk closes, types included: what cannot be read apart is not apart. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at !== -1) {
      found.push({ rule: 'cycle', file, line: 1, message: [...path.slice(at), file].join(' -> ') });
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return found;
}
