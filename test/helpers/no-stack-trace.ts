/** No output of the program ever holds a stack trace (DESIGN section 5: a throw is a bug, and not the user's to read). */

const STACK_LINE = /\n\s+at .*:\d+:\d+/;

export function refuseStackTrace(output: string): void {
  // In JSON a line feed is written \n.
  if (STACK_LINE.test(output.replaceAll('\\n', '\n'))) throw new Error(`the program printed a stack trace:\n${output}`);
}
