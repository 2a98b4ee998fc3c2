// What the page of a shop does with its calls: [["track", "Order Completed", {…}], …].
calls => {
  window.failures = []
  analytics.on('error', error => window.failures.push(error.code))
  for (const [kind, name, body] of calls)
    if (kind === 'identify') analytics.identify('ada', body)
    else analytics[kind](name, body)
}
