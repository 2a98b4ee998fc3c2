// The same with Playwright Test: `npx playwright test`. The page of production stays as it is.

import {test} from '@playwright/test'
import snippet from '@segment/snippet'

import {createSandbox, deleteSandbox, leadPlaywright, waitFor} from './emulator.js'

let sandbox

test.beforeEach(async ({context}) => {
  sandbox = await createSandbox({workspace: 'guide'})
  await leadPlaywright(context, sandbox)  // all pages of the test, with those that they open
})

test.afterEach(() => deleteSandbox(sandbox))

test('a wish reaches Insider One', async ({page}) => {
  // In place of your own shop.
  const segment = snippet.min({apiKey: 'wk_of_production', page: false})
  const body = `<script>${segment}</script>
    <button onclick="analytics.track('Wish Listed')">Wish</button>`
  await page.route('https://shop.example/', route => route.fulfill({contentType: 'text/html', body}))

  await page.goto('https://shop.example/')
  await page.getByRole('button', {name: 'Wish'}).click()
  await waitFor(sandbox, {of: 'messages', where: {event: 'Wish Listed'}, timeout: '20 seconds'})
})

test('a page may close while its calls are on their way', async ({page}) => {
  const segment = snippet.min({apiKey: 'wk_of_production', page: false})
  const body = `<script>${segment}</script><script>analytics.track('Wish Listed')</script>`
  await page.route('https://shop.example/', route => route.fulfill({contentType: 'text/html', body}))
  await page.goto('https://shop.example/')
})
