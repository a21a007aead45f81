import { expect, test } from 'vitest';
import { loadText } from './loading.ts';

const yaml = (db: string): string => `hosts: {a: {}}
tunnels:
  db: {type: local, host: a, ingress: 5432, egress: "db:5432"${db}}
  web: {type: local, host: a, ingress: 8080, egress: "web:80", depends_on: {db: {condition: healthy}}}
`;

test.each([
  ['', '"web" waits for "db" to be healthy, and "db" has no healthcheck, give "db" a healthcheck, or write condition: open'],
  [
    ', start: on-demand, healthcheck: {tcp: true}',
    '"web" waits for "db" to be healthy, and "db" is asleep until its first client: on-demand, write start: eager for "db", or condition: open',
  ],
])('waiting for what will never be seen to be healthy%s', async (db, words) => {
  expect((await loadText(yaml(db))).messages).toEqual([`tunnels.yaml:4:93 ${words}`]);
});

test.each([', healthcheck: {tcp: true}', ', healthcheck: {http: /}'])('waiting for a tunnel that is checked%s', async (db) => {
  const { loaded, messages } = await loadText(yaml(db));
  expect(messages).toEqual([]);
  expect(loaded?.project.tunnels.get('web')?.dependsOn).toEqual([{ tunnel: 'db', condition: 'healthy' }]);
});

test('a tunnel of another profile is reported as that, once', async () => {
  expect((await loadText(yaml(', profiles: [data]'))).messages).toEqual([
    'tunnels.yaml:4:77 "web" depends on "db", which is in the profile "data" that is not active, --profile data activates it',
  ]);
});
