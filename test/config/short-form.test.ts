import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDestination } from '../../src/config/destination.ts';
import { parseShortForm, type ShortForm } from '../../src/config/short-form.ts';

const read = (text: string): ReturnType<typeof parseShortForm> => parseShortForm([{ text, fixed: false }]);

function brief(form: ShortForm): string {
  return [
    form.type,
    form.ingress.text,
    form.egress?.text ?? '-',
    formatDestination(form.destination),
    ...(form.expose ? ['expose'] : []),
    ...(form.via ? [`via=${form.via.text}`] : []),
    ...form.identityFiles.map((file) => `key=${file.text}`),
    ...(form.addressFamily ? [form.addressFamily] : []),
    ...(form.compression ? ['compressed'] : []),
  ].join(' ');
}

describe('what one would type after ssh', () => {
  test.each([
    ['-L 8080:web:80 bastion', 'local 8080 web:80 bastion'],
    ['ssh -L 8080:web:80 bastion', 'local 8080 web:80 bastion'],
    ['-L8080:web:80 bastion', 'local 8080 web:80 bastion'],
    ['-NL 8080:web:80 bastion', 'local 8080 web:80 bastion'],
    ['-NTnL8080:web:80 bastion', 'local 8080 web:80 bastion'],
    ['bastion -L 8080:web:80', 'local 8080 web:80 bastion'],
    ['-N bastion -T -L 8080:web:80 -n', 'local 8080 web:80 bastion'],
    ['-L 8080:web:80 -- bastion', 'local 8080 web:80 bastion'],
    ['  -L   8080:web:80\n bastion ', 'local 8080 web:80 bastion'],
    ['-L localhost:8080:web:80 bastion', 'local localhost:8080 web:80 bastion'],
    ['-L [::1]:8080:[fe80::1]:80 bastion', 'local [::1]:8080 [fe80::1]:80 bastion'],
    ['-L *:8080:web:80 bastion', 'local *:8080 web:80 bastion'],
    ['-L :8080:web:80 bastion', 'local *:8080 web:80 bastion'],
    ['-g -L 8080:web:80 bastion', 'local *:8080 web:80 bastion expose'],
    ['-g -L 127.0.0.1:8080:web:80 bastion', 'local 127.0.0.1:8080 web:80 bastion expose'],
    ['-g -R 8080:web:80 bastion', 'remote 8080 web:80 bastion expose'],
    ['-g -D 1080 bastion', 'dynamic *:1080 - bastion expose'],
    ['-L 8080:/var/run/docker.sock bastion', 'local 8080 /var/run/docker.sock bastion'],
    ['-L localhost:8080:/docker.sock bastion', 'local localhost:8080 /docker.sock bastion'],
    ['-L /tmp/web.sock:web:80 bastion', 'local /tmp/web.sock web:80 bastion'],
    ['-gL /tmp/web.sock:web:80 bastion', 'local /tmp/web.sock web:80 bastion expose'],
    ['-L /tmp/a.sock:/b.sock bastion', 'local /tmp/a.sock /b.sock bastion'],
    ['-R 8080:localhost:80 bastion', 'remote 8080 localhost:80 bastion'],
    ['-R *:8080:localhost:80 bastion', 'remote *:8080 localhost:80 bastion'],
    ['-R /tmp/a.sock:localhost:80 bastion', 'remote /tmp/a.sock localhost:80 bastion'],
    ['-R 0:localhost:80 bastion', 'remote 0 localhost:80 bastion'],
    ['-R 1080 bastion', 'remote-dynamic 1080 - bastion'],
    ['-R localhost:1080 bastion', 'remote-dynamic localhost:1080 - bastion'],
    ['-R [::1]:1080 bastion', 'remote-dynamic [::1]:1080 - bastion'],
    ['-D 1080 bastion', 'dynamic 1080 - bastion'],
    ['-D1080 bastion', 'dynamic 1080 - bastion'],
    ['-D localhost:1080 bastion', 'dynamic localhost:1080 - bastion'],
    ['-D *:1080 bastion', 'dynamic *:1080 - bastion'],
    ['-L 8080:web:80 deploy@bastion', 'local 8080 web:80 deploy@bastion'],
    ['-L 8080:web:80 ssh://deploy@bastion:2222', 'local 8080 web:80 deploy@bastion:2222'],
    ['-L 8080:web:80 ssh://bastion/', 'local 8080 web:80 bastion'],
    ['-L 8080:web:80 deploy@corp@bastion', 'local 8080 web:80 deploy@corp@bastion'],
    ['-L 8080:web:80 root@fe80::1', 'local 8080 web:80 root@fe80::1'],
    ['-p 2222 -L 8080:web:80 root@fe80::1', 'local 8080 web:80 root@[fe80::1]:2222'],
    ['-p2222 -ldeploy -L 8080:web:80 bastion', 'local 8080 web:80 deploy@bastion:2222'],
    ['-l deploy -L 8080:web:80 deploy@bastion', 'local 8080 web:80 deploy@bastion'],
    ['-J edge -L 8080:web:80 bastion', 'local 8080 web:80 bastion via=edge'],
    ['-J a,b@c:22 -L 8080:web:80 bastion', 'local 8080 web:80 bastion via=a,b@c:22'],
    ['-i ~/.ssh/a -i "/with blank/b" -L 8080:web:80 bastion', 'local 8080 web:80 bastion key=~/.ssh/a key=/with blank/b'],
    ['-4 -C -L 8080:web:80 bastion', 'local 8080 web:80 bastion inet compressed'],
    ['-6 -L 8080:web:80 bastion', 'local 8080 web:80 bastion inet6'],
    [`'-L' "8080":web:80 bas\\tion`, 'local 8080 web:80 bastion'],
  ])('%s', (text, expected) => {
    const form = read(text);
    expect(form.ok ? brief(form.value) : form.error.message).toBe(expected);
  });
});

describe('anything else names the long form, or what to do instead', () => {
  test.each([
    ['', 'the short form has no -L, -R or -D', 'such as: -L 8080:web-server:80 bastion'],
    ['bastion', 'the short form has no -L, -R or -D', 'such as: -L 8080:web-server:80 bastion'],
    ['-L 8080:web:80', 'the short form names no host', 'end it with the host: -L 8080:web:80 bastion'],
    ['-L 1:a:1 -L 2:b:2 h', 'a tunnel has one of -L, -R and -D', 'make it two tunnels: they share the connection'],
    ['-L 1:a:1 h sleep', '"sleep" is one word too many: a tunnel runs no command', 'long form'],
    ['-o A=b -L 1:a:1 h', '-o is no part of the short form', 'write the option under hosts'],
    ['-Nf -L 1:a:1 h', '-f is no part of the short form', 'tunnels up -d'],
    ['-A -L 1:a:1 h', '-A is no part of the short form', 'forward_agent: true'],
    ['-Z -L 1:a:1 h', '-Z is no part of the short form', 'long form'],
    ['--local 1:a:1 h', '--local is no part of the short form', 'long form'],
    ['h -L', '-L has no value', 'long form'],
    ['-J a -J b -L 1:a:1 h', '-J is given twice', 'long form'],
    ['-p 99999 -L 1:a:1 h', '-p 99999 is no port, or a second one', 'long form'],
    ['-p 22 -L 1:a:1 ssh://h:2222', '-p 22 is no port, or a second one', 'long form'],
    ['-l a -L 1:a:1 b@h', '-l a and b@ are two users', 'long form'],
    ['-l "a b" -L 1:a:1 h', '"a b" is no user name', 'long form'],
    ['-L 1:a:1 -oProxyCommand=id@h', '-o is no part of the short form', 'write the option under hosts'],
    ['-L 1:a:1 -- -oProxyCommand=id', '"-oProxyCommand=id" is no host name or address', 'long form'],
    ['-L 1:a:1 "h;id"', '"h;id" is no host name or address', 'long form'],
    ['-L 1:a:1 "`id`@h"', '"`id`" is no user name', 'long form'],
    ['-L 1:a h', '-L 1:a is not [address:]port:host:hostport', 'long form'],
    ['-L 1::1 h', '-L 1::1 is not [address:]port:host:hostport', 'long form'],
    ['-L a:b:1:c:2 h', '-L a:b:1:c:2 is not [address:]port:host:hostport', 'long form'],
    ['-L /a.sock h', '-L /a.sock is not [address:]port:host:hostport', 'long form'],
    ['-L [::1:1:a:1 h', '-L [::1:1:a:1 has a bracket that is not closed', 'long form'],
    ['-D a:1:b h', '-D a:1:b is not [address:]port', 'long form'],
    ['-D /a.sock h', '-D /a.sock is not [address:]port', 'long form'],
    ['-R web h', '-R web is not [address:]port:host:hostport', 'long form'],
    [`-L 1:a:1 'h`, "the quote ' is not closed", 'long form'],
  ])('%s', (text, message, hint) => {
    const form = read(text);
    expect(form.ok ? brief(form.value) : form.error.message).toBe(message);
    expect(form.ok ? '' : form.error.hint).toContain(hint);
  });
});

test('the error is placed at the word', () => {
  const text = '-L 8080:web:80 bastion -o A=b';
  const form = read(text);
  expect(form.ok ? '' : text.slice(form.error.start, form.error.end)).toBe('-o');
});

test('no text whatever makes it throw, and a place is inside the text', () => {
  const words = fc.constantFrom(
    '-L',
    '-R',
    '-D',
    '-N',
    '-g',
    '-J',
    '-p',
    '-l',
    '-i',
    '-4',
    '--',
    'ssh',
    '8080:web:80',
    '1080',
    'bastion',
    'a@b',
    "'",
    '"',
    '\\',
    '[',
    ':',
    '/',
    '*',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(words, fc.string()), { maxLength: 12 }).map((list) => list.join(' ')),
    fc.array(words).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(text, (raw) => {
      const form = read(raw);
      if (form.ok) return;
      expect(form.error.start).toBeGreaterThanOrEqual(0);
      expect(form.error.end).toBeLessThanOrEqual(raw.length);
    }),
    { numRuns: 2000 },
  );
});

test('what a variable holds is one word, and never an option', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (value) => {
      const form = parseShortForm([
        { text: '-L 8080:web:80 ', fixed: false },
        { text: value, fixed: true },
      ]);
      if (!form.ok) return;
      expect(brief(form.value)).toBe(`local 8080 web:80 ${formatDestination(form.value.destination)}`);
      expect(value.replace(/^ssh:\/\//, '').replace(/\/$/, '')).toBe(
        formatDestination(form.value.destination).replace(/^\[|\]$/g, (bracket) => (value.includes('[') ? bracket : '')),
      );
    }),
    { numRuns: 1000 },
  );
});
