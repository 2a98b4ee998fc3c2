// A shopper pays in a real browser: what does Insider One receive?

import assert from 'node:assert/strict'
import {once} from 'node:events'
import {createServer} from 'node:http'
import {after, before, test} from 'node:test'

import snippet from '@segment/snippet'
import {chromium} from 'playwright-core'

import {createSandbox, deleteSandbox, leadPlaywright, waitFor} from './emulator.js'

let browser, sandbox, shop

// In place of your own app. All that it needs to know is where its Segment is.
function page() {
  const segment = snippet
    .min({host: 'HOST', apiKey: sandbox.writeKey, page: false})
    .replace('https://HOST', sandbox.url)
  return `<!doctype html><title>Checkout</title><script>${segment}</script>
    <button onclick="pay()">Pay</button>
    <script>
      function pay() {
        analytics.identify('ada')
        analytics.track('Order Completed', {
          order_id: 'o-17',
          currency: 'EUR',
          products: [{product_id: 'mug', name: 'Mug', price: 8.5, quantity: 1}],
        })
      }
    </script>`
}

before(async () => {
  sandbox = await createSandbox({workspace: 'guide'})
  shop = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end(page()))
  await once(shop.listen(0, '127.0.0.1'), 'listening')
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
})

after(async () => {
  await browser?.close()
  shop?.close()
  if (sandbox) await deleteSandbox(sandbox)
})

test('a paid order reaches Insider One as a purchase', async () => {
  const tab = await browser.newPage()
  await tab.goto(`http://127.0.0.1:${shop.address().port}/`)
  await tab.getByRole('button', {name: 'Pay'}).click()

  const [delivery] = await waitFor(sandbox, {
    of: 'deliveries',
    where: {event: 'Order Completed', verdict: {regex: '^(accepted|warning)$'}},
    timeout: '20 seconds',
  })
  const [user] = delivery.request.json.users
  assert.equal(user.identifiers.uuid, 'ada')
  assert.deepEqual(
    user.events.map(event => [event.event_name, event.event_params.product_id]),
    [['confirmation_page_view', 'mug']],
  )
})

test('the page of production is led here without a change', async () => {
  const segment = snippet.min({apiKey: 'wk_of_production', page: false})
  const tab = await browser.newPage()
  await leadPlaywright(tab, sandbox)
  await tab.route('https://shop.example/', route =>
    route.fulfill({
      contentType: 'text/html',
      body: `<script>${segment}</script><script>analytics.track('Wish Listed')</script>`,
    }),
  )
  await tab.goto('https://shop.example/')
  await waitFor(sandbox, {of: 'messages', where: {event: 'Wish Listed'}, timeout: '20 seconds'})
})
