import { expect, it } from 'vitest';
import { refuseStackTrace } from './no-stack-trace.ts';

const STACK = new Error('boom').stack ?? '';

it.each([
  ['as it is', `something\n${STACK}`],
  ['in JSON', JSON.stringify({ message: STACK })],
  ['in a module that is built', 'Error: boom\n    at Object.<anonymous> (file:///opt/tunnels/dist/main.js:3:7)\n'],
])('a stack trace %s is refused', (_, output) => {
  expect(() => refuseStackTrace(output)).toThrow('the program printed a stack trace');
});

it.each(['', 'tunnels.yaml:3:7 unknown host "a"\n', '  web  at 127.0.0.1:80\n', 'look at\n  127.0.0.1:80:90\n'])('%j is none', (output) => {
  expect(() => refuseStackTrace(output)).not.toThrow();
});
