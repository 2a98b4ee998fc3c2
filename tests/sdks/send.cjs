// Sends calls with Segment's Node SDK, and prints what it could not deliver.
// Argument: the folder that has the SDK. On stdin: {"options", "calls": [["track", {…}], …]}.
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')

const { Analytics } = createRequire(process.argv[2] + '/')('@segment/analytics-node')
const { options, calls } = JSON.parse(readFileSync(0, 'utf8'))
const analytics = new Analytics(options)
const failures = []
analytics.on('error', error => failures.push(error.code))
for (const [kind, call] of calls) analytics[kind](call)
analytics.closeAndFlush({ timeout: 30000 }).then(() => console.log(JSON.stringify(failures)))
