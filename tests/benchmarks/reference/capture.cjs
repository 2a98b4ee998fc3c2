// The least a fake of Segment's end could do: parse a body and keep it in memory. Prints its port.
const kept = []
const server = require('http').createServer((request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    kept.push(JSON.parse(Buffer.concat(parts)))
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-length', 16)
    response.end('{"success":true}')
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
