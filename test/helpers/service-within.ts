/** A web server on another machine of a network (netns.ts): its own process, for a namespace is entered by processes. */
import { startChild } from './child.ts';
import { until } from './wait.ts';

export interface ServiceWithin {
  stop(): Promise<void>;
}

/** GET `/source` tells the address of the client, any other GET gives the page; POST gives back what it was sent. */
const SCRIPT = `
  const [host, port, page] = process.argv.slice(1);
  require('node:http')
    .createServer((request, response) => {
      response.setHeader('connection', 'close');
      if (request.method === 'POST') request.pipe(response);
      else response.end(request.url === '/source' ? request.socket.remoteAddress : page);
    })
    .listen(Number(port), host, () => console.log('ready'));
`;

export interface WithinOptions {
  /** `network.on('home')`. */
  readonly within: readonly string[];
  /** Its address there. */
  readonly host: string;
  readonly port: number;
  readonly page?: string;
}

export async function startWwwWithin({ within, host, port, page = 'hello' }: WithinOptions): Promise<ServiceWithin> {
  const [command = '', ...words] = [...within, process.execPath, '-e', SCRIPT, host, String(port), page];
  const child = startChild(command, words);
  await until(
    () => {
      if (child.hasExited()) throw new Error(`the web server did not start: ${child.stderr()}`);
      return child.stdout().includes('ready');
    },
    { what: `a web server on ${host}:${port}`, ms: 10_000, detail: child.stderr },
  );
  return { stop: async () => void (await child.stop('SIGKILL')) };
}
