// Prints what Cucumber's language service says about feature files.
// Arguments: the folder that has it, the step definitions, and the features.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const [folder, glue, ...features] = process.argv.slice(2)
const require = createRequire(folder + '/')
const { ExpressionBuilder, getGherkinDiagnostics } = require('@cucumber/language-service')
const { WasmParserAdapter } = require('@cucumber/language-service/wasm')
const box = dirname(dirname(dirname(dirname(require.resolve('@cucumber/language-service')))))
const adapter = new WasmParserAdapter(join(box, 'dist'))
await adapter.init()
const sources = [{ languageName: 'tsx', uri: glue, content: readFileSync(glue, 'utf8') }]
const built = new ExpressionBuilder(adapter).build(sources, [])
const expressions = built.expressionLinks.map((link) => link.expression)
const diagnostics = features.flatMap((feature) =>
  getGherkinDiagnostics(readFileSync(feature, 'utf8'), expressions).map(
    ({ message, range }) => `${feature}:${range.start.line + 1}: ${message}`
  )
)
const errors = built.errors.map((error) => error.message)
console.log(JSON.stringify({ steps: expressions.length, errors, diagnostics }))
