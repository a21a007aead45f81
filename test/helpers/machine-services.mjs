/**
 * The services of one machine, in a process of their own because a network namespace is entered by a process:
 * `node machine-services.mjs NAME KIND:PORT[:DIRECTORY]…`. Says `ready` once all of them listen.
 */
import { createReadStream } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { join, normalize } from 'node:path';

const [name, ...services] = process.argv.slice(2);

/** Tells who answers at `/` and who asked at `/source`; gives back what is sent to `/echo`; anything else is a file of the directory. */
const http = (port, directory) =>
  createHttpServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    if (path === '/') return response.end(`${name}:${port}\n`);
    if (path === '/source') return response.end(request.socket.remoteAddress.replace(/^::ffff:/, ''));
    if (path === '/echo') return request.pipe(response);
    if (directory === undefined) return response.writeHead(404).end('not found\n');
    const file = createReadStream(join(directory, path));
    file.on('error', () => response.writeHead(404).end('not found\n'));
    return file.pipe(response);
  });

/** A forward proxy (RFC 9110 §7.6): absolute-form requests and CONNECT. */
const proxy = () => {
  const server = createHttpServer((request, response) => {
    const onward = httpRequest(request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, { ...answer.headers, via: `1.1 ${name}` });
      answer.pipe(response);
    });
    onward.on('error', (error) => response.writeHead(502).end(`${error.message}\n`));
    request.pipe(onward);
  });
  server.on('connect', (request, client, head) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect({ host: hostname, port: Number(port || 80) }, () => {
      client.write(`HTTP/1.1 200 OK\r\nVia: 1.1 ${name}\r\n\r\n`);
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('error', () => onward.destroy());
  });
  return server;
};

const echo = () => createServer({ allowHalfOpen: true, noDelay: true }, (socket) => socket.on('error', () => undefined).pipe(socket));

const lines = (greeting, answer) =>
  createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined).write(greeting);
    let rest = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      const parts = (rest + chunk).split('\r\n');
      rest = parts.pop();
      for (const line of parts) socket.write(answer(line));
    });
  });

/** As IMAP does: greets, then answers each command with its tag. */
const mail = () =>
  lines(`* OK ${name} ready\r\n`, (line) => {
    const [tag, verb = ''] = line.split(' ');
    return `${tag} OK ${verb}\r\n`;
  });

const kinds = { http, proxy, echo, mail };

await Promise.all(
  services.map((text) => {
    const [kind, port, directory] = text.split(':');
    return new Promise((resolve, reject) => {
      kinds[kind](port, directory).once('error', reject).listen(Number(port), resolve);
    });
  }),
);
console.log('ready');
