import { describe, expect, it } from 'vitest';
import { graphAscii } from '../../../src/cli/render/graph-ascii.ts';
import { graphDot } from '../../../src/cli/render/graph-dot.ts';
import { graphMermaid } from '../../../src/cli/render/graph-mermaid.ts';
import { graphSvg } from '../../../src/cli/render/graph-svg.ts';
import { graphView, type GraphView } from '../../../src/cli/render/graph-view.ts';
import { tcp, unix } from '../../../src/core/address.ts';
import { buildGraph } from '../../../src/core/graph.ts';
import type { TunnelSpec } from '../../../src/core/spec.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../../helpers/spec.ts';

const view = (...tunnels: readonly TunnelSpec[]): GraphView =>
  graphView(buildGraph(project([hostSpec('bastion'), hostSpec('inner', { via: ['bastion'] })], tunnels)));
const double = graphView(buildGraph(doubleTunnel()));

describe('the double tunnel', () => {
  it('in ascii', () => {
    expect(graphAscii(double)).toMatchInlineSnapshot(`
      "test: 2 hosts, 2 tunnels

      Machines
        client       this machine
        bastion      deploy@bastion.example.com:22
        test-server  deploy@test-server.example.com:22

      SSH connections
        client ==ssh==> bastion
        client ==ssh==> bastion ==ssh==> test-server

      Tunnels
        git-inner  local, like ssh -L
          ingress  on bastion: [localhost:2999]  <- bastion opens this port
          egress   from test-server: git-server:7999
          way      bastion [localhost:2999] ==ssh==> client ==ssh==> test-server --tcp--> git-server:7999
          !!       test-server -> git-server:7999: plain TCP, not protected by SSH

        git  local, like ssh -L
          ingress  on client: [localhost:7999]  <- client opens this port
          egress   from bastion: localhost:2999  (= the ingress of git-inner)
          way      client [localhost:7999] ==ssh==> bastion --> localhost:2999

      Order
        1.  host bastion
        2.  host test-server
        3.  tunnel git-inner
        4.  tunnel git

      Why
        host test-server  needs  host bastion      dialled through bastion
        tunnel git        needs  tunnel git-inner  its egress: localhost:2999 on bastion is the ingress of git-inner
      "
    `);
  });

  it('in mermaid', () => {
    expect(graphMermaid(double)).toMatchInlineSnapshot(`
      "flowchart LR
        subgraph m0["client (this machine)"]
          t1_in(["git: listens on localhost:7999"])
        end
        subgraph m1["bastion (deploy@bastion.example.com:22)"]
          t0_in(["git-inner: listens on localhost:2999"])
          t1_out["git: dials"]
        end
        subgraph m2["test-server (deploy@test-server.example.com:22)"]
          t0_out["git-inner: dials"]
        end
        x0["git-server:7999"]
        t0_in ==>|"ssh through client (local)"| t0_out
        t0_out -.->|"plain TCP"| x0
        t1_in ==>|"ssh (local)"| t1_out
        t1_out -->|"same machine"| t0_in
      "
    `);
  });

  it('in dot', () => {
    expect(graphDot(double)).toMatchInlineSnapshot(`
      "digraph "test" {
        rankdir=LR;
        subgraph "cluster_m0" {
          label="client (this machine)";
          "t1_in" [label="git: listens on localhost:7999", shape=oval];
        }
        subgraph "cluster_m1" {
          label="bastion (deploy@bastion.example.com:22)";
          "t0_in" [label="git-inner: listens on localhost:2999", shape=oval];
          "t1_out" [label="git: dials", shape=box];
        }
        subgraph "cluster_m2" {
          label="test-server (deploy@test-server.example.com:22)";
          "t0_out" [label="git-inner: dials", shape=box];
        }
        "x0" [label="git-server:7999", shape=box, style=rounded];
        "t0_in" -> "t0_out" [label="ssh through client (local)", style=bold, color="darkgreen"];
        "t0_out" -> "x0" [label="plain TCP", style=dashed, color="red"];
        "t1_in" -> "t1_out" [label="ssh (local)", style=bold, color="darkgreen"];
        "t1_out" -> "t0_in" [label="same machine", style=solid];
      }
      "
    `);
  });

  it('in svg: every machine and every tunnel, the plain leg in its own style', () => {
    const svg = graphSvg(double);
    for (const text of ['bastion', 'test-server', 'git-inner (local)', 'listens on localhost:7999', 'git-server:7999 (plain TCP)'])
      expect(svg).toContain(text);
    expect(svg.match(/class="plain"/g)).toHaveLength(1);
    expect(svg.match(/class="ssh"/g)).toHaveLength(3);
  });
});

describe('which side opens the port', () => {
  it.each<[string, Partial<TunnelSpec>, string, string]>([
    ['local', {}, 'client', 'bastion'],
    ['remote', { type: 'remote' }, 'bastion', 'client'],
    ['dynamic', { type: 'dynamic', egress: null }, 'client', 'bastion'],
    ['remote-dynamic', { type: 'remote-dynamic', egress: null }, 'bastion', 'client'],
    ['local between two hosts', { client: 'inner' }, 'inner', 'bastion'],
    ['remote between two hosts', { type: 'remote', client: 'inner' }, 'bastion', 'inner'],
  ])('%s', (_, part, listens, dials) => {
    const drawn = view(tunnelSpec('t', part));
    expect(drawn.tunnels[0]).toMatchObject({ ingress: { machine: listens }, egress: { machine: dials } });
    expect(graphAscii(drawn)).toContain(`<- ${listens} opens this port`);
  });
});

describe('the legs that SSH does not protect', () => {
  it.each<[string, Partial<TunnelSpec>, readonly string[]]>([
    ['an egress on the machine that dials it', { egress: tcp('localhost', 80) }, []],
    ['an egress that is the dialling machine by name', { egress: tcp('bastion.example.com', 80) }, []],
    ['a unix socket', { egress: unix('/run/x.sock') }, []],
    ['an egress on a third machine', { egress: tcp('web', 80) }, ['bastion -> web:80: plain TCP, not protected by SSH']],
    [
      'an exposed ingress',
      { ingress: tcp('*', 80), egress: tcp('localhost', 80), expose: true },
      ['others -> client *:80: other machines reach this ingress in plain TCP'],
    ],
    ['a proxy', { type: 'dynamic', egress: null }, ['bastion -> what the client of the proxy asks for: plain TCP, not protected by SSH']],
  ])('%s', (_, part, unprotected) => {
    expect(view(tunnelSpec('t', part)).tunnels[0]?.unprotected).toEqual(unprotected);
  });
});

it('a launched ssh goes from its client itself, a relayed tunnel through this machine', () => {
  const spec = { client: 'bastion', hosts: ['inner'] } as const;
  const stops = (part: Partial<TunnelSpec>): string[] =>
    view(tunnelSpec('t', { ...spec, ...part })).tunnels[0]?.legs.map((leg) => leg.to) ?? [];
  expect(stops({ launch: 'relay' })).toEqual(['client', 'inner', 'web:80']);
  expect(stops({ launch: 'ssh' })).toEqual(['inner', 'web:80']);
});

it('labels cannot break out of the format', () => {
  const evil = view(tunnelSpec('t', { egress: unix('/x"]<b>&\\') }));
  expect(graphMermaid(evil)).not.toContain('"]<b>');
  expect(graphSvg(evil)).not.toContain('<b>');
  expect(graphDot(evil)).toContain('/x\\"]<b>&\\\\');
});
