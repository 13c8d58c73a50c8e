import { createServer } from 'node:http'
import { H3 } from 'h3'
import { toNodeHandler } from 'h3/node'
import { defineCachedHandler } from 'ocache'
import { contentType, text } from '../lib/body.mjs'

export default async function start ({ run }) {
  const app = new H3()
  app.get('/page', defineCachedHandler(() => {
    run()
    return new Response(text, { headers: { 'content-type': contentType } })
  }, { maxAge: 600 }))
  const server = createServer(toNodeHandler(app))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
