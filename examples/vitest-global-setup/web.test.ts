import { expect, test } from 'vitest';

test('web.internal answers through the tunnel', async () => {
  const response = await fetch(process.env['WEB_URL'] ?? '');
  expect(await response.text()).toContain('web.internal');
});
