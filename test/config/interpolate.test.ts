import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolateText } from '../../src/config/interpolate.ts';
import { loadText, projectOf } from './loading.ts';

const ENV = { A: 'one', B: 'two', EMPTY: '', PORT: '8080', NEST: '${A}' };

const text = (raw: string): string => {
  const { pieces, problems } = interpolateText(raw, ENV);
  return problems.length > 0
    ? problems.map((each) => `${each.code}: ${each.message}`).join('; ')
    : pieces.map((piece) => piece.text).join('');
};

describe('variables are filled in as compose does', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['$A', 'one'],
    ['${A}', 'one'],
    ['<$A-$B>', '<one-two>'],
    ['${A}${B}', 'onetwo'],
    ['$$A', '$A'],
    ['$${A}', '${A}'],
    ['$$$A', '$one'],
    ['5$$', '5$'],
    ['$EMPTY', ''],
    ['${EMPTY:-default}', 'default'],
    ['${EMPTY-default}', ''],
    ['${NONE:-default}', 'default'],
    ['${NONE-default}', 'default'],
    ['${NONE:-}', ''],
    ['${A:-default}', 'one'],
    ['${NONE:-${B}}', 'two'],
    ['${NONE:-<${ALSO:-${A}}>}', '<one>'],
    ['${NONE:-$B}', 'two'],
    ['${NONE:-a$$b}', 'a$b'],
    ['${A:+set}', 'set'],
    ['${EMPTY:+set}', ''],
    ['${EMPTY+set}', 'set'],
    ['${NONE+set}', ''],
    ['${A:+${B}}', 'two'],
    ['${A:?must be set}', 'one'],
    ['${EMPTY?must be set}', ''],
    ['${A:-${NONE}}', 'one'],
    ['${NONE:+${NONE}}', ''],
    ['$NEST', '${A}'],
    ['${A:-}}', 'one}'],
    ['a}b', 'a}b'],
    ['${NONE:-a b}', 'a b'],
    ['${NONE:--x}', '-x'],
  ])('%s', (raw, expected) => {
    expect(text(raw)).toBe(expected);
  });
});

describe('what cannot be filled in is a problem', () => {
  test.each([
    ['$NONE', 'unset-variable: the variable NONE is not set'],
    ['${NONE}', 'unset-variable: the variable NONE is not set'],
    ['${NONE:?}', 'unset-variable: the variable NONE is not set'],
    ['${NONE:?say where}', 'unset-variable: the variable NONE is not set: say where'],
    ['${EMPTY:?say where}', 'unset-variable: the variable EMPTY is not set: say where'],
    ['${NONE?see $A}', 'unset-variable: the variable NONE is not set: see one'],
    ['${NONE:-${ALSO}}', 'unset-variable: the variable ALSO is not set'],
    ['$NONE$ALSO', 'unset-variable: the variable NONE is not set; unset-variable: the variable ALSO is not set'],
    ['${A', 'schema: "${A" is no variable'],
    ['${}', 'schema: "${}" is no variable'],
    ['${1A}', 'schema: "${1A}" is no variable'],
    ['${A!}', 'schema: "${A!}" is no variable'],
    ['${A:=x}', 'schema: "${A:=x}" is no variable'],
    ['a $ b', 'schema: "$ " is no variable'],
    ['$', 'schema: "$" is no variable'],
    ['$1', 'schema: "$1" is no variable'],
    ['$(id)', 'schema: "$(" is no variable'],
  ])('%s', (raw, expected) => {
    expect(text(raw)).toBe(expected);
  });

  test('nesting without end is refused, quickly', () => {
    const { problems } = interpolateText('${NONE:-'.repeat(100_000), {});
    expect(problems.length).toBeGreaterThan(0);
  });

  test('no text makes it throw', () => {
    const parts = fc.constantFrom('$', '{', '}', ':', '-', '?', '+', 'A', 'NONE', '$$', '${', ' ');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 40 }), (list) => void interpolateText(list.join(''), ENV)),
      { numRuns: 2000 },
    );
  });
});

describe('in a file', () => {
  const file = (line: string): string => `hosts:\n  bastion:\n    ${line}\ntunnels:\n  web: -L 8080:web:80 bastion\n`;

  test.each([
    ['port: ${P}', { P: '2222' }, 'port', 2222],
    ['port: "${P}"', { P: '2222' }, 'port', 2222],
    ['port: 2${P}', { P: '22' }, 'port', 222],
    ['forward_agent: ${P}', { P: 'true' }, 'forwardAgent', true],
    ['compression: $P', { P: 'False' }, 'compression', false],
    ['user: ${P}', { P: '1001' }, 'user', '1001'],
    ['user: ${P}', { P: 'true' }, 'user', 'true'],
  ] as const)('%s with %j becomes what the key wants', async (line, env, key, expected) => {
    const project = await projectOf(file(line), { env });
    expect(project.hosts.get('bastion')?.[key]).toBe(expected);
  });

  test('an attempt count may be a number or a word', async () => {
    const both = await Promise.all(['7', 'unlimited'].map((N) => projectOf(file('reconnect: {attempts: "${N}"}'), { env: { N } })));
    expect(both.map((project) => project.hosts.get('bastion')?.reconnect.attempts)).toEqual([7, null]);
  });

  test('the problem is placed at the variable, with what was probably meant', async () => {
    const { diagnostics } = await loadText(file('user: "is-${DEPLOY_USR}-here"'), { env: { DEPLOY_USER: 'x' } });
    expect(diagnostics).toEqual([
      {
        code: 'unset-variable',
        severity: 'error',
        message: 'the variable DEPLOY_USR is not set',
        hint: 'did you mean "DEPLOY_USER"?',
        range: { file: 'tunnels.yaml', start: { line: 3, column: 15 }, end: { line: 3, column: 28 } },
      },
    ]);
  });

  test('keys and the users own x- keys are left alone', async () => {
    const { loaded, messages } = await loadText(
      'x-note: ${NOT_MINE}\ntunnels:\n  web: -L 8080:web:80 bastion.example.com\n  x-other: $ALSO\n',
    );
    expect(messages).toEqual([]);
    expect(loaded).not.toBeNull();
  });

  test('no value of a variable makes a key, a list, a tunnel or an option', async () => {
    const values = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '{user: root}',
        '[a, b]',
        'x\nuser: root',
        '*alias',
        '&a b',
        '!!map {}',
        '-g',
        'h -R 1:a:1',
        '${A}',
        '# c',
        '"',
        "'",
        '|',
        '- a',
      ),
    );
    await fc.assert(
      fc.asyncProperty(values, async (V) => {
        const { loaded } = await loadText(
          'tunnels:\n  web: {type: local, host: bastion.example.com, ingress: 8080, egress: "web:80", env: {VALUE: "${V}"}}\n  short: -L 8081:web:80 bastion.example.com\n',
          { env: { V } },
        );
        const tunnels = [...(loaded?.project.tunnels.values() ?? [])];
        if (tunnels.length === 0) return;
        expect(tunnels.map((each) => each.name)).toEqual(['web', 'short']);
        expect(tunnels[0]?.env).toEqual({ VALUE: V });
        expect([...(loaded?.project.hosts.keys() ?? [])]).toEqual(['bastion.example.com']);
      }),
      { numRuns: 150 },
    );
  });
});
