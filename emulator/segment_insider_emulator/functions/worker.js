// Engine of Segment functions: one Node.js process without files, network and environment.
//
// It reads one JSON object a line from standard input, and answers on standard output. Each function
// has a context of its own. Between this realm and a context go only strings and numbers: an object of
// this realm inside a context would lead to its constructors, and from there to Node.js.
'use strict'

const vm = require('node:vm')
const crypto = require('node:crypto')
const zlib = require('node:zlib')
const write = process.stdout.write.bind(process.stdout)
const input = process.stdin

for (const power of ['binding', '_linkedBinding', 'dlopen', 'kill', 'abort', 'reallyExit', 'exit',
  'getBuiltinModule', 'chdir', 'setuid', 'setgid']) {
  Object.defineProperty(process, power, { value: undefined })
}
Object.defineProperty(globalThis, 'process', { value: undefined })
for (const name of ['fetch', 'WebSocket', 'EventSource']) {
  Object.defineProperty(globalThis, name, { value: undefined })
}

const MAX_TEXT = 1_000_000 // characters that a function may return, log, send or pass to a helper
const MAX_LOG_LINES = 100
const MAX_LOG_TEXT = 4096 // characters, as in Segment's test console
const MAX_SENT = 1000 // calls of one invocation
const MAX_TIMERS = 1000
const MAX_FETCHES = 100

const contexts = new Map()
let sandboxSource = null
let current = null // the call that is answered next: {id, context}

function reply (answer) {
  write(JSON.stringify(answer) + '\n')
}

function isText (value) {
  return typeof value === 'string' && value.length <= MAX_TEXT
}

class FunctionContext {
  constructor () {
    this.timers = new Map()
    this.fetches = new Set()
    this.reset()
  }

  reset () {
    this.logs = []
    this.logText = 0
    this.sent = []
    this.sentText = 0
    this.lostCalls = false
  }

  log (level, text) {
    if (!isText(level) || !isText(text) || this.logs.length >= MAX_LOG_LINES) return
    const room = MAX_LOG_TEXT - this.logText
    if (room <= 0) return
    this.logs.push({ level, text: text.slice(0, room) })
    this.logText += text.length
  }

  send (text) {
    if (!isText(text) || this.sent.length >= MAX_SENT || this.sentText + text.length > MAX_TEXT) {
      this.lostCalls = true
      return
    }
    this.sent.push(text)
    this.sentText += text.length
  }

  startTimer (id, delay) {
    if (typeof id !== 'number' || typeof delay !== 'number' || this.timers.size >= MAX_TIMERS) return
    this.timers.set(id, setTimeout(() => {
      this.timers.delete(id)
      this.enter(this.fireTimer, id)
    }, delay))
  }

  stopTimer (id) {
    clearTimeout(this.timers.get(id))
    this.timers.delete(id)
  }

  startFetch (id, request) {
    if (typeof id !== 'number' || !isText(request) || this.fetches.size >= MAX_FETCHES) return false
    this.fetches.add(id)
    reply({ fetch: id, context: this.key, request })
    return true
  }

  endFetch (id, response) {
    if (this.fetches.delete(id)) this.enter(this.settleFetch, id, response)
  }

  // Calls into the context; what it throws stays there.
  enter (entry, ...values) {
    try {
      entry(...values)
    } catch {}
    setImmediate(checkForUnsettledCall)
  }
}

function checkForUnsettledCall () {
  const context = current?.context
  if (context && context.timers.size === 0 && context.fetches.size === 0) {
    finish(context, current.number, '{"kind":"unsettled"}')
  }
}

function finish (context, number, result) {
  if (!current || current.context !== context || current.number !== number) return
  const { id } = current
  current = null
  const shown = context.lostCalls ? '{"kind":"sent_too_much"}' : result
  const text = isText(shown) ? shown : '{"kind":"too_large"}'
  reply({ id, result: text, logs: context.logs, sent: context.sent })
  context.reset()
}

const COMPUTATIONS = {
  parseUrl: ([url, base]) => {
    const parsed = base === null ? new URL(url) : new URL(url, base)
    return ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port',
      'pathname', 'search', 'hash'].reduce((parts, name) => ({ ...parts, [name]: parsed[name] }), {})
  },
  hash: ([algorithm, data]) =>
    crypto.createHash(algorithm).update(Buffer.from(data, 'base64')).digest('base64'),
  hmac: ([algorithm, key, data]) =>
    crypto.createHmac(algorithm, Buffer.from(key, 'base64'))
      .update(Buffer.from(data, 'base64')).digest('base64'),
  cipher: ([encrypt, algorithm, key, iv, data, tag, padding]) => {
    const create = encrypt ? crypto.createCipheriv : crypto.createDecipheriv
    const decoded = iv === null ? null : Buffer.from(iv, 'base64')
    const cipher = create(algorithm, Buffer.from(key, 'base64'), decoded)
    if (padding === false) cipher.setAutoPadding(false)
    if (tag !== null && !encrypt) cipher.setAuthTag(Buffer.from(tag, 'base64'))
    const output = Buffer.concat([cipher.update(Buffer.from(data, 'base64')), cipher.final()])
    const authenticated = encrypt && cipher.getAuthTag && /gcm|ccm|ocb|poly1305/i.test(algorithm)
    return [output.toString('base64'), authenticated ? cipher.getAuthTag().toString('base64') : null]
  },
  pbkdf2: ([password, salt, iterations, length, digest]) => crypto.pbkdf2Sync(
    Buffer.from(password, 'base64'), Buffer.from(salt, 'base64'), iterations, length, digest
  ).toString('base64'),
  randomBytes: ([size]) => crypto.randomBytes(Math.min(size, 65536)).toString('base64'),
  randomUUID: () => crypto.randomUUID(),
  zlib: ([method, data]) => zlib[method](
    Buffer.from(data, 'base64'), { maxOutputLength: MAX_TEXT }).toString('base64'),
  decodeText: ([encoding, data]) => new TextDecoder(encoding).decode(Buffer.from(data, 'base64'))
}
const ZLIB_METHODS = new Set(['deflateSync', 'inflateSync', 'gzipSync', 'gunzipSync',
  'deflateRawSync', 'inflateRawSync'])

// Answers ["ok", value] or ["error", message], as text.
function compute (name, text) {
  try {
    if (!isText(name) || !isText(text) || !Object.hasOwn(COMPUTATIONS, name)) throw new Error('refused')
    const values = JSON.parse(text)
    if (name === 'zlib' && !ZLIB_METHODS.has(values[0])) throw new Error('refused')
    return JSON.stringify(['ok', COMPUTATIONS[name](values)])
  } catch (error) {
    return JSON.stringify(['error', String(error.message), String(error.code ?? '')])
  }
}

function describeSyntaxError (error, name) {
  const place = new RegExp(':(\\d+)').exec(String(error.stack).split('\n', 1)[0])
  return { kind: 'error', name: error.name, message: error.message, line: place ? Number(place[1]) : null }
}

function compile (name, code) {
  return new vm.Script(code, { filename: name })
}

function load ({ id, context: key, name, code, libraries }) {
  drop(key)
  const context = new FunctionContext()
  context.key = key
  let script
  const loaded = []
  try {
    for (const library of libraries) {
      loaded.push([library.global, compile(library.name,
        `(function (module, exports) {${library.code}\n;return module.exports})`)])
    }
    script = compile(name, code)
  } catch (error) {
    return reply({ id, result: JSON.stringify(describeSyntaxError(error, name)), logs: [], sent: [] })
  }
  const realm = vm.createContext(Object.create(null), { codeGeneration: { strings: true, wasm: false } })
  const run = compiled => compiled.runInContext(realm, { displayErrors: false })
  const handlers = new vm.Script(`(name => {
    switch (name) {
      ${HANDLERS.map(name => `case '${name}': return typeof ${name} === 'function' ? ${name} : null`)
        .join('\n')}
      default: return null
    }
  })`)
  const bootstrap = run(sandboxSource)
  context.libraries = loaded
  bootstrap(
    (level, text) => context.log(level, text),
    text => context.send(text),
    (timer, delay) => context.startTimer(timer, delay),
    timer => context.stopTimer(timer),
    (fetched, request) => context.startFetch(fetched, request),
    compute,
    (number, result) => finish(context, number, result),
    () => { run(script) },
    () => run(handlers),
    index => run(context.libraries[index][1]),
    JSON.stringify(context.libraries.map(library => library[0])),
    (which, entry) => { context[which] = entry }
  )
  contexts.set(key, context)
  start({ id, context: key, handler: '', payload: '', settings: '' })
}

const HANDLERS = ['onTrack', 'onIdentify', 'onPage', 'onScreen', 'onGroup', 'onAlias', 'onDelete',
  'onBatch', 'onRequest']

let callCount = 0

function start ({ id, context: key, handler, payload, settings }) {
  const context = contexts.get(key)
  if (!context) return reply({ id, result: '{"kind":"not_loaded"}', logs: [], sent: [] })
  callCount += 1
  current = { id, context, number: callCount }
  context.enter(context.call, callCount, handler, payload, settings)
}

function drop (key) {
  const context = contexts.get(key)
  if (!context) return
  for (const timer of context.timers.values()) clearTimeout(timer)
  contexts.delete(key)
}

function receive (order) {
  if (order.op === 'start') sandboxSource = compile('sandbox.js', order.source)
  if (order.op === 'start') reply({ id: order.id, ready: true })
  if (order.op === 'load') load(order)
  if (order.op === 'call') start(order)
  if (order.op === 'drop') drop(order.context)
  if (order.op === 'fetched') contexts.get(order.context)?.endFetch(order.fetch, order.response)
}

// A promise that a function forgot, or an error in its timer, ends nothing.
const { on } = require('node:events').prototype
on.call(require('node:process'), 'unhandledRejection', () => {})
on.call(require('node:process'), 'uncaughtException', () => {})

let buffered = ''
input.setEncoding('utf8')
input.on('data', chunk => {
  buffered += chunk
  const lines = buffered.split('\n')
  buffered = lines.pop()
  for (const line of lines) receive(JSON.parse(line))
})
