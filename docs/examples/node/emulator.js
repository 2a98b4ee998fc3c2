// The few calls of the control API that a test needs. docs/control-api.md has the others.

const emulator = process.env.EMULATOR_URL ?? 'http://127.0.0.1:8282'

async function ask(url, method, body) {
  const response = await fetch(url, {
    method,
    headers: {'Content-Type': 'application/json'},
    body: body && JSON.stringify(body),
  })
  const document = await response.json()
  const {error} = document
  if (!response.ok) throw new Error(`${error.where}: ${error.what}. ${error.remedy}`)
  return document
}

/** A sandbox of its own for one test: {id, url, writeKey, account, key, ...}. */
export const createSandbox = (order = {}) => ask(`${emulator}/emulator/v1/sandboxes`, 'POST', order)

export const deleteSandbox = ({id}) => ask(`${emulator}/emulator/v1/sandboxes/${id}`, 'DELETE')

/** Returns what met the claim; throws an error with the nearest if nothing does in time. */
export async function waitFor(sandbox, claim) {
  const outcome = await ask(`${sandbox.url}/emulator/v1/wait-for`, 'POST', claim)
  if (outcome.ok) return outcome.matched
  const near = outcome.near.map(item => item.differences.map(({why}) => `  ${why}`).join('\n'))
  const nearest = near.length ? `the nearest:\n${near.join('\n\n')}` : 'there are none at all'
  throw new Error(`expected ${outcome.expected} of ${outcome.of}, ${outcome.count} match; ${nearest}`)
}

const HOSTS = [
  'api.segment.io', 'cdn.segment.com', 'events.eu1.segmentapis.com',
  'unification.useinsider.com', 'contact.useinsider.com', 'mobile.useinsider.com',
]
const ADDRESSES = new RegExp(`^https?://(${HOSTS.join('|').replaceAll('.', '\\.')})/`)

/** The address in the sandbox for one of Segment or Insider One. */
function redirect(address, sandbox) {
  const {pathname, search} = new URL(address)
  const root = new URL(sandbox.url).pathname  // addresses that the emulator gave have it already
  return sandbox.url + (pathname.startsWith(root) ? pathname.slice(root.length) : pathname) + search
}

/**
 * Leads the calls of an unchanged page to the sandbox: its snippet, its https and its write key stay.
 * `page` is a page or a context of Playwright.
 */
export const leadPlaywright = (page, sandbox) =>
  page.route(ADDRESSES, async route => {
    const address = route.request().url()
    // The emulator then names the host that the page asked for.
    try {
      const headers = {...(await route.request().allHeaders()), host: new URL(address).host}
      await route.fulfill({response: await route.fetch({url: redirect(address, sandbox), headers})})
    } catch (error) {
      // The page may close while a call is on its way: that is no failure of the test.
      if (!/closed|disposed|ended/.test(error.message)) throw error
    }
  })

/** The same in Cypress: call it before cy.visit(). */
export const leadCypress = (cy, sandbox) =>
  cy.intercept(ADDRESSES, request => {
    request.headers.host = new URL(request.url).host
    request.url = redirect(request.url, sandbox)
  })
