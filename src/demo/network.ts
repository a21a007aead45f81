/** The machines of the double-tunnel guide, inside this process: bastion, test-server behind it, git-server behind that. */
import { startEmbeddedServer, type EmbeddedServer, type EmbeddedTarget } from '../ssh/embedded-server.ts';
import { generateKey } from '../ssh/generate-key.ts';
import { startGitService, type GitService } from './git-service.ts';

export interface DemoNetwork {
  /** Reached from this machine, on 127.0.0.1. */
  readonly bastion: { readonly port: number; readonly fingerprint: string };
  /** Only bastion knows the name, and only there does it lead anywhere. */
  readonly testServer: { readonly fingerprint: string };
  readonly user: string;
  /** The private key both let in; made for this run. */
  readonly userKey: string;
  close(): Promise<void>;
}

export async function startDemoNetwork(): Promise<DemoNetwork> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(server: T): T => {
    started.push(server);
    return server;
  };
  const close = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const user = generateKey();
    const services = await Promise.all(['git-server', 'git-mirror'].map(async (name) => keep(await startGitService(name))));
    const authorizedKeys = [user.publicKey];
    const testServer = keep(await startEmbeddedServer({ name: 'test-server', authorizedKeys, resolve: reach(services) }));
    const bastion = keep(await startEmbeddedServer({ name: 'bastion', authorizedKeys, resolve: reachOne('test-server', 22, testServer) }));
    return {
      bastion: { port: bastion.port, fingerprint: bastion.fingerprint },
      testServer: { fingerprint: testServer.fingerprint },
      user: 'deploy',
      userKey: user.privateKey,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const HERE = '127.0.0.1';

const reach =
  (services: readonly GitService[]) =>
  ({ host, port }: EmbeddedTarget): EmbeddedTarget | null => {
    const found = services.find((service) => service.name === host && port === 7999);
    return found ? { host: HERE, port: found.port } : null;
  };

const reachOne =
  (name: string, at: number, server: EmbeddedServer) =>
  ({ host, port }: EmbeddedTarget): EmbeddedTarget | null =>
    host === name && port === at ? { host: HERE, port: server.port } : null;
