import { expect, test } from '@playwright/test';

test('shows what the API says', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading')).toContainText('web.internal');
});
