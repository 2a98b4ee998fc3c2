// Prints events/s of the published destination: parsed from JSON, mapped, body serialised.
// Usage: node measure.cjs EVENTS.ndjson {client|body}
//   client  up to the socket: the package's own request client, with the network call answered here
//   body    the action's work alone: the request client replaced by one JSON.stringify
const { readFileSync } = require('fs')
const ponyfill = require.resolve('cross-fetch')
const real = require(ponyfill)
const answer = () => Promise.resolve(new real.Response('{"data":{"successful":{"count":1},"fail":{}}}'))
require.cache[ponyfill].exports = Object.assign(answer, real, { default: answer })

const { Destination, defaultValues } = require('@segment/actions-core')
const published = require('@segment/action-destinations/dist/destinations/insider').default

const [file, reach] = process.argv.slice(2)
const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
let bytes = 0
const request = (url, options) => ((bytes += JSON.stringify(options.json).length), {})
const actions = Object.fromEntries(
  Object.entries(published.actions).map(([slug, action]) => [
    slug,
    reach === 'body' ? { ...action, perform: (_, data) => action.perform(request, data) } : action
  ])
)
const destination = new Destination({ ...published, actions })
const subscriptions = Object.entries(published.actions)
  .filter(([slug]) => slug !== 'trackEvent')
  .map(([slug, action]) => ({
    subscribe: action.defaultSubscription,
    partnerAction: slug,
    mapping: defaultValues(action.fields)
  }))

async function main() {
  let best = 0
  for (let round = 0; round < 3; round++) {
    const start = process.hrtime.bigint()
    const before = process.cpuUsage()
    for (const line of lines)
      await destination.onEvent(JSON.parse(line), { account_name: 'shop', ucd_key: 'key', subscriptions })
    // On the clock or of the processor, whichever is less: the machine may do other work, too.
    const used = process.cpuUsage(before)
    const seconds = Math.min(Number(process.hrtime.bigint() - start) / 1e9, (used.user + used.system) / 1e6)
    best = Math.max(best, lines.length / seconds)
  }
  console.log(Math.round(best))
}
main()
