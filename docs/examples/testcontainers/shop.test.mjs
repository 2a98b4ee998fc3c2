// An app that sends to Segment, tested against an emulator in a container (testcontainers 12).
//
// docker build -t segment-emulator -f docs/examples/Containerfile .     in a checkout of the emulator
// npm install --save-dev testcontainers && node --test shop.test.mjs

import assert from 'node:assert/strict'
import {after, before, test} from 'node:test'

import {GenericContainer, Wait} from 'testcontainers'

const IMAGE = process.env.EMULATOR_IMAGE ?? 'segment-emulator'
const PORT = 8282

let container, url

before(async () => {
  container = await new GenericContainer(IMAGE)
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/emulator/v1/health', PORT).forStatusCode(200))
    .start()
  url = `http://${container.getHost()}:${container.getMappedPort(PORT)}`
})

after(() => container?.stop())

async function post(address, body, headers = {}) {
  const answer = await fetch(address, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...headers},
    body: JSON.stringify(body),
  })
  return answer.json()
}

test('an order is a purchase', async () => {
  // An emulator of this test's own. The container does not know its address out here.
  const {id, writeKey} = await post(`${url}/emulator/v1/sandboxes`, {})
  const sandbox = `${url}/sandboxes/${id}`

  // In place of your app, which needs only the address and the write key.
  const mug = {product_id: 'mug', name: 'Mug', price: 8.5, quantity: 1}
  const order = {order_id: 'o-17', currency: 'EUR', products: [mug]}
  await post(
    `${sandbox}/v1/track`,
    {userId: 'ada', event: 'Order Completed', properties: order},
    {Authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`},
  )

  const claim = {of: 'deliveries', where: {event: 'Order Completed'}, exactly: 1, timeout: '5 s'}
  const answer = await post(`${sandbox}/emulator/v1/wait-for`, claim)
  assert.ok(answer.ok, JSON.stringify(answer))
})
