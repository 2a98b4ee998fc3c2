// What a Segment function finds around it. This runs inside the function's own context, before it.
//
// The host's functions never reach the function itself, and take and give only strings and numbers.
(function (
  hostLog, hostSend, hostStartTimer, hostStopTimer, hostFetch, hostCompute, hostFinish,
  hostRunFunction, hostGetHandlers, hostGetLibrary, libraryNames, hostSetEntry
) {
  'use strict'
  const { parse, stringify } = JSON
  const { defineProperty, entries, fromEntries, freeze } = Object
  const PlainPromise = Promise
  const then = Promise.prototype.then
  const PlainError = Error
  const Text = String
  const Bytes = Uint8Array
  const PlainMap = Map

  // An error of the host, such as too deep recursion, must not reach the function as an object.
  function guard (hostFunction) {
    return (...values) => {
      try {
        return hostFunction(...values)
      } catch {
        throw new RangeError('too deep or too large for the engine')
      }
    }
  }
  const log = guard(hostLog)
  const send = guard(hostSend)
  const startTimer = guard(hostStartTimer)
  const stopTimer = guard(hostStopTimer)
  const startFetch = guard(hostFetch)
  const finish = guard(hostFinish)
  const computeText = guard(hostCompute)

  function compute (name, ...values) {
    const [state, result, code] = parse(computeText(name, stringify(values)))
    if (state === 'ok') return result
    const error = new (code === 'ERR_INVALID_URL' ? TypeError : PlainError)(result)
    if (code) error.code = code
    throw error
  }

  function expose (values) {
    for (const [name, value] of entries(values)) {
      defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
    }
  }

  // Errors with a meaning for Segment.
  class EventNotSupported extends PlainError {}
  class InvalidEventPayload extends PlainError {}
  class ValidationError extends PlainError {}
  class RetryError extends PlainError {}
  class DropEvent extends PlainError {}
  const KNOWN_ERRORS = entries({
    EventNotSupported, InvalidEventPayload, ValidationError, RetryError, DropEvent
  })
  for (const [name, error] of KNOWN_ERRORS) {
    defineProperty(error.prototype, 'name', { value: name, writable: true, configurable: true })
  }

  // Buffer, for what functions do with it: encodings, concat and digests.
  const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const BASE64_VALUES = fromEntries([...BASE64].map((letter, value) => [letter, value]))
  BASE64_VALUES['-'] = 62
  BASE64_VALUES._ = 63

  function encodeUtf8 (text) {
    const bytes = []
    for (const letter of Text(text)) {
      let code = letter.codePointAt(0)
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd
      if (code < 0x80) bytes.push(code)
      else if (code < 0x800) bytes.push(0xc0 | code >> 6, 0x80 | code & 63)
      else if (code < 0x10000) bytes.push(0xe0 | code >> 12, 0x80 | code >> 6 & 63, 0x80 | code & 63)
      else bytes.push(0xf0 | code >> 18, 0x80 | code >> 12 & 63, 0x80 | code >> 6 & 63, 0x80 | code & 63)
    }
    return bytes
  }

  function encodeBase64 (bytes) {
    let text = ''
    for (let at = 0; at < bytes.length; at += 3) {
      const [first, second, third] = [bytes[at], bytes[at + 1], bytes[at + 2]]
      text += BASE64[first >> 2] + BASE64[(first & 3) << 4 | (second ?? 0) >> 4]
      text += second === undefined ? '=' : BASE64[(second & 15) << 2 | (third ?? 0) >> 6]
      text += third === undefined ? '=' : BASE64[third & 63]
    }
    return text
  }

  function decodeBase64 (text) {
    const bytes = []
    let bits = 0
    let count = 0
    for (const letter of Text(text)) {
      if (letter === '=') break
      const value = BASE64_VALUES[letter]
      if (value === undefined) continue
      bits = (bits << 6 | value) & 0xffffff
      count += 6
      if (count >= 8) {
        count -= 8
        bytes.push(bits >> count & 255)
      }
    }
    return bytes
  }

  function decodeHex (text) {
    const bytes = []
    for (const pair of Text(text).match(/[0-9a-f]{2}/gi) ?? []) bytes.push(parseInt(pair, 16))
    return bytes
  }

  const ENCODERS = {
    utf8: encodeUtf8,
    'utf-8': encodeUtf8,
    hex: decodeHex,
    base64: decodeBase64,
    base64url: decodeBase64,
    latin1: text => [...Text(text)].map(letter => letter.charCodeAt(0) & 255),
    binary: text => [...Text(text)].map(letter => letter.charCodeAt(0) & 255),
    ascii: text => [...Text(text)].map(letter => letter.charCodeAt(0) & 255)
  }

  function toBytes (value, encoding) {
    if (typeof value !== 'string') return value instanceof ArrayBuffer ? new Bytes(value) : value
    const encode = ENCODERS[Text(encoding ?? 'utf8').toLowerCase()]
    if (!encode) throw new TypeError(`Unknown encoding: ${encoding}`)
    return encode(value)
  }

  class Buffer extends Bytes {
    static from (value, encoding) {
      const bytes = toBytes(value, encoding)
      const buffer = new Buffer(bytes.length ?? 0)
      buffer.set(bytes)
      return buffer
    }

    static alloc (size, fill) {
      const buffer = new Buffer(size)
      return fill === undefined ? buffer : buffer.fill(fill)
    }

    static concat (list) {
      const all = []
      for (const bytes of list) for (const byte of bytes) all.push(byte)
      return Buffer.from(all)
    }

    static isBuffer (value) { return value instanceof Buffer }
    static byteLength (value, encoding) { return toBytes(value, encoding).length }

    toString (encoding = 'utf8') {
      const name = Text(encoding).toLowerCase()
      if (name === 'hex') return Array.from(this, byte => byte.toString(16).padStart(2, '0')).join('')
      if (name === 'base64') return encodeBase64(this)
      if (name === 'base64url') {
        return encodeBase64(this).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
      }
      if (['latin1', 'binary', 'ascii'].includes(name)) {
        return Array.from(this, byte => Text.fromCharCode(byte)).join('')
      }
      if (!['utf8', 'utf-8'].includes(name)) throw new TypeError(`Unknown encoding: ${encoding}`)
      return compute('decodeText', 'utf-8', encodeBase64(this))
    }

    toJSON () { return { type: 'Buffer', data: Array.from(this) } }
    equals (other) { return this.length === other.length && this.every((byte, at) => byte === other[at]) }
  }

  class TextEncoder {
    encode (text = '') { return Bytes.from(encodeUtf8(text)) }
  }

  class TextDecoder {
    constructor (encoding = 'utf-8') { this.encoding = encoding }
    decode (bytes = []) { return compute('decodeText', this.encoding, encodeBase64(toBytes(bytes))) }
  }

  // crypto, with the functions of Node.js that hash, sign, encrypt and draw random values.
  const base64Of = (value, encoding) => encodeBase64(toBytes(value, encoding))
  const output = (base64, encoding) => {
    const bytes = Buffer.from(base64, 'base64')
    return encoding === undefined || encoding === 'buffer' ? bytes : bytes.toString(encoding)
  }

  class Collector {
    constructor (end) {
      this.parts = []
      this.end = end
    }

    update (value, encoding) {
      this.parts.push(...toBytes(value, encoding))
      return this
    }

    digest (encoding) { return output(this.end(encodeBase64(this.parts)), encoding) }
  }

  class Cipher {
    constructor (encrypt, algorithm, key, iv) {
      this.settings = [encrypt, algorithm, base64Of(key), iv === null ? null : base64Of(iv)]
      this.parts = []
      this.tag = null
      this.padding = true
    }

    update (value, inputEncoding, outputEncoding) {
      this.parts.push(...toBytes(value, inputEncoding))
      return outputEncoding ? '' : Buffer.alloc(0) // all of the output comes with final()
    }

    setAutoPadding (padding = true) { this.padding = padding; return this }
    setAuthTag (tag) { this.tag = base64Of(tag); return this }
    getAuthTag () { return Buffer.from(this.tag, 'base64') }

    final (encoding) {
      const [text, tag] = compute(
        'cipher', ...this.settings, encodeBase64(this.parts), this.tag, this.padding)
      if (tag) this.tag = tag
      return output(text, encoding)
    }
  }

  const randomBytes = size => Buffer.from(compute('randomBytes', size), 'base64')
  const pbkdf2Sync = (password, salt, iterations, length, digest = 'sha1') => Buffer.from(
    compute('pbkdf2', base64Of(password), base64Of(salt), iterations, length, digest), 'base64')
  const crypto = {
    createHash: algorithm => new Collector(data => compute('hash', algorithm, data)),
    createHmac: (algorithm, key) =>
      new Collector(data => compute('hmac', algorithm, base64Of(key), data)),
    createCipheriv: (algorithm, key, iv) => new Cipher(true, algorithm, key, iv),
    createDecipheriv: (algorithm, key, iv) => new Cipher(false, algorithm, key, iv),
    pbkdf2Sync,
    randomBytes,
    randomUUID: () => compute('randomUUID'),
    randomInt: (low, high) => {
      const [from, to] = high === undefined ? [0, low] : [low, high]
      return from + Math.floor(Number('0x' + randomBytes(6).toString('hex')) / 2 ** 48 * (to - from))
    },
    timingSafeEqual: (one, other) => Buffer.from(one).equals(Buffer.from(other))
  }
  const zlibMethods = ['deflateSync', 'inflateSync', 'gzipSync', 'gunzipSync', 'deflateRawSync',
    'inflateRawSync']
  const zlib = {
    zlib: fromEntries(zlibMethods.map(method =>
      [method, value => Buffer.from(compute('zlib', method, base64Of(value)), 'base64')]))
  }

  // Web interfaces.
  class URLSearchParams {
    #pairs = []

    constructor (init = '') {
      if (typeof init === 'string') {
        for (const part of init.replace(/^\?/, '').split('&')) {
          if (part) this.#pairs.push(decodePair(part))
        }
      } else {
        const pairs = init instanceof URLSearchParams || Array.isArray(init) ? [...init] : entries(init)
        this.#pairs = pairs.map(([name, value]) => [Text(name), Text(value)])
      }
    }

    append (name, value) { this.#pairs.push([Text(name), Text(value)]) }
    delete (name) { this.#pairs = this.#pairs.filter(pair => pair[0] !== name) }
    get (name) { return this.#pairs.find(pair => pair[0] === name)?.[1] ?? null }
    getAll (name) { return this.#pairs.filter(pair => pair[0] === name).map(pair => pair[1]) }
    has (name) { return this.#pairs.some(pair => pair[0] === name) }
    set (name, value) { this.delete(name); this.append(name, value) }
    keys () { return this.#pairs.map(pair => pair[0])[Symbol.iterator]() }
    values () { return this.#pairs.map(pair => pair[1])[Symbol.iterator]() }
    entries () { return this.#pairs.map(pair => [...pair])[Symbol.iterator]() }
    [Symbol.iterator] () { return this.entries() }
    forEach (visit) { for (const [name, value] of this) visit(value, name, this) }
    toString () {
      const encode = text => encodeURIComponent(text).replace(/%20/g, '+')
      return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
    }
  }

  function decodePair (part) {
    const at = part.indexOf('=')
    const pair = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
    return pair.map(text => {
      const spaced = text.replace(/\+/g, ' ')
      try {
        return decodeURIComponent(spaced)
      } catch {
        return spaced
      }
    })
  }

  class URL {
    constructor (url, base) {
      Object.assign(this, compute('parseUrl', Text(url), base === undefined ? null : Text(base)))
      this.searchParams = new URLSearchParams(this.search)
    }

    toString () {
      const query = this.searchParams.toString()
      const written = query === new URLSearchParams(this.search).toString() ? this.search : `?${query}`
      const user = this.username && `${this.username}${this.password && `:${this.password}`}@`
      return `${this.protocol}//${user}${this.host}${this.pathname}${written}${this.hash}`
    }

    toJSON () { return this.toString() }
  }

  class Headers {
    #values = new PlainMap()

    constructor (init = {}) {
      const pairs = init instanceof Headers || Array.isArray(init) ? [...init] : entries(init ?? {})
      for (const [name, value] of pairs) this.append(name, value)
    }

    append (name, value) {
      const key = Text(name).toLowerCase()
      const before = this.#values.get(key)
      this.#values.set(key, before === undefined ? Text(value) : `${before}, ${value}`)
    }

    delete (name) { this.#values.delete(Text(name).toLowerCase()) }
    get (name) { return this.#values.get(Text(name).toLowerCase()) ?? null }
    has (name) { return this.#values.has(Text(name).toLowerCase()) }
    set (name, value) { this.#values.set(Text(name).toLowerCase(), Text(value)) }
    keys () { return this.#values.keys() }
    values () { return this.#values.values() }
    entries () { return this.#values.entries() }
    [Symbol.iterator] () { return this.entries() }
    forEach (visit) { for (const [name, value] of this) visit(value, name, this) }
    raw () { return fromEntries([...this].map(([name, value]) => [name, [value]])) }
    toJSON () { return fromEntries([...this]) }
  }

  class Body {
    #text

    constructor (text) { this.#text = text }
    async text () { return this.#text }
    async json () { return parse(this.#text) }
    async buffer () { return Buffer.from(this.#text) }
    async arrayBuffer () { return Bytes.from(encodeUtf8(this.#text)).buffer }
  }

  class Response extends Body {
    constructor ({ status, statusText, url, headers, body }) {
      super(body)
      Object.assign(this, { status, statusText, url, headers: new Headers(headers) })
      this.ok = status >= 200 && status < 300
    }
  }

  const pendingFetches = new PlainMap()
  let fetchCount = 0

  async function fetch (resource, options = {}) {
    let { body } = options
    const headers = new Headers(options.headers)
    if (body instanceof URLSearchParams) {
      if (!headers.has('content-type')) {
        headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8')
      }
      body = body.toString()
    }
    const request = stringify({
      url: Text(resource?.href ?? resource),
      method: Text(options.method ?? 'GET').toUpperCase(),
      headers: [...headers],
      body: body === undefined || body === null ? null : Text(body)
    })
    const id = fetchCount += 1
    const response = await new PlainPromise((resolve, reject) => {
      pendingFetches.set(id, { resolve, reject })
      if (!startFetch(id, request)) reject(new TypeError('the request is too large, or too many'))
    })
    return new Response(response)
  }

  function settleFetch (id, text) {
    const pending = pendingFetches.get(id)
    pendingFetches.delete(id)
    const response = parse(text)
    if (response.error) {
      const error = new PlainError(response.error)
      error.name = 'FetchError'
      if (response.code) error.code = response.code
      pending?.reject(error)
    } else {
      pending?.resolve(response)
    }
  }

  const timers = new PlainMap()
  let timerCount = 0

  function setTimer (action, delay, values, repeats) {
    const id = timerCount += 1
    const wait = Math.min(Math.max(Number(delay) || 1, 1), 60_000)
    timers.set(id, () => {
      if (repeats) startTimer(id, wait)
      else timers.delete(id)
      action(...values)
    })
    startTimer(id, wait)
    return id
  }

  function clearTimer (id) {
    if (timers.delete(id)) stopTimer(id)
  }

  function fireTimer (id) {
    timers.get(id)?.()
  }

  function show (value) {
    if (typeof value === 'string') return value
    if (value instanceof PlainError) return Text(value.stack ?? value)
    if (typeof value === 'object' && value !== null) {
      try {
        return stringify(value)
      } catch {
        return '[object]'
      }
    }
    return typeof value === 'function' ? `[Function: ${value.name}]` : Text(value)
  }

  const console = fromEntries(['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'].map(level =>
    [level, (...values) => { log(level, values.map(show).join(' ')) }]))

  const cached = new PlainMap()
  const cache = {
    async load (key, ttl, load) {
      const entry = cached.get(key)
      if (entry && (entry.until === null || Date.now() < entry.until)) return entry.value
      const value = await (typeof ttl === 'function' ? ttl : load)()
      const until = typeof ttl === 'number' && ttl !== -1 ? Date.now() + ttl : null
      cached.set(key, { value, until })
      return value
    },
    delete (key) { cached.delete(key) }
  }

  const Segment = fromEntries(
    ['track', 'identify', 'page', 'screen', 'group', 'alias', 'set'].map(type =>
      [type, async call => { send(stringify({ ...call, type })) }]))

  expose({
    ...fromEntries(KNOWN_ERRORS),
    Buffer, TextEncoder, TextDecoder, crypto, zlib, URL, URLSearchParams, Headers, Response, fetch,
    console, cache, Segment, globalThis, global: globalThis,
    atob: text => Buffer.from(text, 'base64').toString('latin1'),
    btoa: text => Buffer.from(Text(text), 'latin1').toString('base64'),
    structuredClone: value => parse(stringify(value)),
    queueMicrotask: action => { then.call(PlainPromise.resolve(), () => action()) },
    setTimeout: (action, delay, ...values) => setTimer(action, delay, values, false),
    setInterval: (action, delay, ...values) => setTimer(action, delay, values, true),
    setImmediate: (action, ...values) => setTimer(action, 1, values, false),
    clearTimeout: clearTimer,
    clearInterval: clearTimer,
    clearImmediate: clearTimer
  })

  function describeError (thrown) {
    let name = 'Error'
    let message = 'it threw a value that cannot be shown'
    let line = null
    try {
      const known = KNOWN_ERRORS.find(([, type]) => thrown instanceof type)
      if (thrown instanceof PlainError) {
        name = known ? known[0] : Text(thrown.name)
        message = Text(thrown.message)
        const place = /function:(\d+):\d+/.exec(Text(thrown.stack))
        if (place) line = Number(place[1])
      } else {
        message = show(thrown)
      }
    } catch {}
    return { kind: 'error', name: name.slice(0, 100), message: message.slice(0, 2000), line }
  }

  function describeValue (value) {
    const text = stringify(value)
    return text === undefined ? '{"kind":"nothing"}' : `{"kind":"returned","value":${text}}`
  }

  function makeRequest ({ url, headers, body }) {
    const request = {
      method: 'POST',
      url: new URL(url),
      headers: new Headers(headers),
      body,
      text: () => body,
      json: () => parse(body)
    }
    return freeze(request)
  }

  let getHandler = null

  // Without a handler: run the function's code itself, and list its handlers.
  function load () {
    const names = parse(libraryNames)
    names.forEach((name, index) => {
      const module = { exports: {} }
      expose({ [name]: hostGetLibrary(index).call(globalThis, module, module.exports) })
    })
    hostRunFunction()
    getHandler = hostGetHandlers()
    const known = ['onTrack', 'onIdentify', 'onPage', 'onScreen', 'onGroup', 'onAlias', 'onDelete',
      'onBatch', 'onRequest']
    return `{"kind":"loaded","handlers":${stringify(known.filter(name => getHandler(name)))}}`
  }

  function invoke (name, payload, settings) {
    const handler = getHandler?.(name)
    if (!handler) return null
    const value = parse(payload)
    return handler(name === 'onRequest' ? makeRequest(value) : value, parse(settings))
  }

  hostSetEntry('call', (number, name, payload, settings) => {
    const fail = thrown => { finish(number, stringify(describeError(thrown))) }
    try {
      if (name === '') return finish(number, load())
      const settle = async () => finish(number, describeValue(await invoke(name, payload, settings)))
      then.call(settle(), undefined, fail)
    } catch (thrown) {
      fail(thrown)
    }
  })
  hostSetEntry('fireTimer', fireTimer)
  hostSetEntry('settleFetch', settleFetch)
})
