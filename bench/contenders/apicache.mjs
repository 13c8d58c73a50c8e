import apicache from 'apicache'
import express from 'express'
import { contentType, text } from '../lib/body.mjs'

export default async function start ({ run }) {
  const app = express()
  app.disable('x-powered-by')
  app.get('/page', apicache.middleware('10 minutes'), (request, response) => {
    run()
    response.set('content-type', contentType)
    response.send(text)
  })
  return await new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server))
  })
}
