// leadCypress of docs/examples/node/emulator.js with a small stand-in for cy.intercept.

import assert from 'node:assert/strict'
import {test} from 'node:test'

const {leadCypress} = await import(process.env.EMULATOR_JS)

/** Does with a request what cy.intercept does: matches its address, then lets the handler change it. */
function intercept(sandbox, url, headers = {}) {
  const request = {url, method: 'POST', body: '{}', headers: {host: 'as sent', ...headers}}
  const cy = {
    intercept(pattern, handler) {
      if (pattern.test(request.url)) handler(request)
    },
  }
  leadCypress(cy, sandbox)
  return request
}

const sandbox = {id: 's-1', url: 'http://127.0.0.1:8282/sandboxes/s-1'}

for (const [from, to, host] of [
  ['https://api.segment.io/v1/t', '/v1/t', 'api.segment.io'],
  ['https://cdn.segment.com/v1/projects/wk/settings', '/v1/projects/wk/settings', 'cdn.segment.com'],
  ['https://cdn.segment.com/sandboxes/s-1/next-integrations/a.js?x=1', '/next-integrations/a.js?x=1', 'cdn.segment.com'],
  ['http://unification.useinsider.com/api/user/v1/upsert', '/api/user/v1/upsert', 'unification.useinsider.com'],
]) {
  test(`${from} is led to the sandbox`, () => {
    const request = intercept(sandbox, from, {origin: 'https://shop.example'})
    assert.equal(request.url, sandbox.url + to)
    assert.equal(request.headers.host, host)
    assert.equal(request.headers.origin, 'https://shop.example')
    assert.equal(request.body, '{}')
  })
}

for (const url of [
  'https://shop.example/?next=https://api.segment.io/',
  'https://api.segment.io.evil.example/v1/t',
  'https://cdnXsegment.com/a.js',
]) {
  test(`${url} stays`, () => {
    assert.equal(intercept(sandbox, url).url, url)
  })
}
