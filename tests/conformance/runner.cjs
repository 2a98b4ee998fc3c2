// Runs contract cases through the published destination: a case a line in, what happened a line out.
// Usage: node runner.cjs FOLDER, the folder that the package is installed in.
process.env.TZ = 'UTC'
const { createRequire } = require('module')
const { createInterface } = require('readline')
const inPackage = createRequire(`${process.argv[2]}/package.json`)
// What the package prints about itself must not come between the answers.
console.log = console.info = console.error

// The network is one function of one module: it is answered here, before the package loads it.
const HEADERS = ['x-partner-name', 'x-request-token', 'x-platform-name', 'content-type', 'user-agent']
let sent = []
const ponyfill = createRequire(inPackage.resolve('@segment/actions-core')).resolve('cross-fetch')
const real = require(ponyfill)
async function answer(target, options) {
  const request = new real.Request(target, options)
  const headers = HEADERS.filter((name) => request.headers.has(name)).map((name) => [name, request.headers.get(name)])
  sent.push({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(headers),
    json: JSON.parse(await request.text())
  })
  return new real.Response('{"data":{"successful":{"count":1},"fail":{}}}', { status: 200 })
}
require.cache[ponyfill].exports = Object.assign(answer, real, { default: answer, fetch: answer })

const { Destination } = inPackage('@segment/actions-core')
const destination = new Destination(inPackage('@segment/action-destinations/dist/destinations/insider').default)

const NOT_TAKEN = 'Payload is either invalid or does not match the subscription'
const withoutStack = (text) =>
  String(text).split('\n').filter((line) => !/^\s+at /.test(line)).join('\n')
const failed = (code, name, text) => ({ status: 'failed', code, name, message: text })

async function single(event, settings) {
  const results = await destination.onEvent(event, settings)
  const [first] = results
  if (results.length > 1 || typeof first.output !== 'string') return [{ status: 'delivered' }]
  // A malformed trigger raises nothing: its message is the only output.
  if (first.output === 'not subscribed') return [{ status: 'not_subscribed' }]
  return [failed(null, null, first.output)]
}

async function batch(events, settings) {
  const [first] = await destination.onBatch(events, settings)
  if (!first || !first.multistatus) return events.map(() => ({ status: 'not_subscribed' }))
  return Array.from(first.multistatus).map((each) => {
    if (each.status === 200) return { status: 'delivered' }
    if (each.errormessage === NOT_TAKEN) return { status: 'not_subscribed' }
    return failed(each.status, each.errortype, withoutStack(each.errormessage))
  })
}

async function outcome({ destination: { settings }, subscription, batch: batched, events }) {
  sent = []
  const configured = {
    ...settings,
    subscription: {
      subscribe: subscription.trigger,
      partnerAction: subscription.actionSlug,
      mapping: subscription.settings
    }
  }
  try {
    const results = batched ? await batch(events, configured) : await single(events[0], configured)
    return { requests: sent, results }
  } catch (error) {
    const failure = failed(error.status ?? null, error.name, withoutStack(error.message))
    return { requests: sent, results: events.map(() => failure) }
  }
}

async function main() {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity }))
    process.stdout.write(JSON.stringify(await outcome(JSON.parse(line))) + '\n')
}
main()
