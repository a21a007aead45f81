/** The program under test, in short: what it shows comes from the API behind the bastion. */
import { createServer } from 'node:http';

const page = async () => `<h1>${await (await fetch(process.env.API_URL)).text()}</h1>`;

const server = createServer((_, response) => {
  page().then(
    (html) => response.setHeader('content-type', 'text/html').end(html),
    (error) => response.writeHead(502).end(error.message),
  );
});
server.listen(4173, 'localhost');
process.once('SIGTERM', () => server.close());
