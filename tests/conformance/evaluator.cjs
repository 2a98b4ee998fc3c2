// Runs destination filters through Segment's own evaluator: a case a line in, an answer a line out.
// Usage: node evaluator.cjs FOLDER, the folder that @segment/tsub is installed in.
//
// A case: {ir, actions, event}. An answer: {matches, documented, event}. `matches` is what the
// evaluator says, `documented` what it says once the values that the documentation of filter FQL
// defines otherwise are put in. README.md lists these.
const { createRequire } = require('module')
const { createInterface } = require('readline')
const inPackage = createRequire(`${process.argv[2]}/package.json`)
const { matches, transform } = inPackage('@segment/tsub')
const get = createRequire(inPackage.resolve('@segment/tsub'))('dlv')

const TYPES = { boolean: 'bool', null: 'null', list: 'list' }
const COMPARISONS = ['=', '!=', '<', '<=', '>', '>=']
const PREDICATES = ['contains', 'match', 'semver']
// Equal to nothing, as NaN is, which JSON cannot say.
const EQUAL_TO_NOTHING = {}

const evaluate = (ir, event) => matches(event, { type: 'fql', ir: JSON.stringify(ir) })
const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value)

// The value of an operand as documented: what is missing is null, functions may be arguments.
function valueOf(node, event) {
  if (typeof node === 'string') return get(event, node) ?? null
  if (!Array.isArray(node)) return Array.isArray(node.value) ? node.value.map((item) => valueOf(item, event)) : node.value
  const [name, first] = node
  if (PREDICATES.includes(name)) return evaluate(documented(node, event), event)
  const value = valueOf(first, event)
  if (name === 'lowercase') return typeof value === 'string' ? value.toLowerCase() : null
  if (name === 'typeof') return TYPES[typeOf(value)] ?? typeof value
  if (value === null) return 0
  if (typeof value === 'string') return Buffer.byteLength(value)
  return Array.isArray(value) ? value.length : EQUAL_TO_NOTHING
}

// An operand that the evaluator reads as the documentation does, changed as little as possible.
function operand(node, event) {
  if (typeof node === 'string') return get(event, node) === undefined ? { value: null } : node
  if (!Array.isArray(node)) return { value: valueOf(node, event) }
  const [name, first] = node
  if (PREDICATES.includes(name)) return documented(node, event)
  const value = valueOf(first, event)
  if (name === 'typeof' && typeOf(value) in TYPES) return { value: TYPES[typeOf(value)] }
  if (name === 'length' && typeof value === 'string') return { value: Buffer.byteLength(value) }
  return [name, argument(first, event)]
}

// An argument of a function, or an item of a list: the evaluator takes no function there.
function argument(node, event) {
  return Array.isArray(node) ? { value: valueOf(node, event) } : operand(node, event)
}

function documented(node, event) {
  if (!Array.isArray(node)) return operand(node, event)
  const [name, ...rest] = node
  if (['and', 'or', '!'].includes(name)) return [name, ...rest.map((part) => documented(part, event))]
  if (COMPARISONS.includes(name)) return [name, ...rest.map((part) => operand(part, event))]
  if (PREDICATES.includes(name)) return [name, ...rest.map((part) => argument(part, event))]
  // A function on its own: what counts is whether JavaScript takes its result for true.
  if (name !== 'in') return [name, argument(rest[0], event)]
  const list = valueOf(rest[1], event)
  const items = Array.isArray(list) ? list.map((value) => ({ value })) : []
  return ['in', argument(rest[0], event), { value: items }]
}

function guarded(ir, event) {
  try {
    return evaluate(ir, event)
  } catch (error) {
    return String(error)
  }
}

function answer({ ir, actions, event }) {
  const result = { matches: guarded(ir, event), documented: guarded(documented(ir, event), event), event }
  if (result.documented === true) result.event = transform(event, actions)
  return result
}

async function main() {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity }))
    process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n')
}
main()
