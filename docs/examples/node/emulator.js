// The few calls of the control API that a test needs. docs/control-api.md has the others.

const emulator = process.env.EMULATOR_URL ?? 'http://127.0.0.1:8282'

async function ask(url, method, body) {
  const answer = await fetch(url, {
    method,
    headers: {'Content-Type': 'application/json'},
    body: body && JSON.stringify(body),
  })
  const told = await answer.json()
  if (!answer.ok) throw new Error(`${told.error.where}: ${told.error.what}. ${told.error.remedy}`)
  return told
}

/** A sandbox of its own for one test: {id, url, writeKey, account, key, ...}. */
export const createSandbox = (order = {}) => ask(`${emulator}/emulator/v1/sandboxes`, 'POST', order)

export const deleteSandbox = ({id}) => ask(`${emulator}/emulator/v1/sandboxes/${id}`, 'DELETE')

/** What met the claim; an error that tells what came nearest when nothing does in time. */
export async function waitFor(sandbox, claim) {
  const outcome = await ask(`${sandbox.url}/emulator/v1/wait-for`, 'POST', claim)
  if (outcome.ok) return outcome.matched
  const near = outcome.near.map(each => each.differences.map(one => `  ${one.why}`).join('\n'))
  const told = near.length ? `the nearest:\n${near.join('\n\n')}` : 'there are none at all'
  throw new Error(`expected ${outcome.expected} of ${outcome.of}, ${outcome.count} match; ${told}`)
}
