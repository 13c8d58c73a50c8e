import { connect as connectPlain } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { whenHeardFor } from '../deadline.ts'

const LONGEST = 400

export interface Place {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/**
 * Is a connection that failed without a reason a mix-up of TLS and plain text? Neither side says so: a plain server
 * waits for the end of what it takes for a command, and a TLS server hangs up. So the other way is tried, with
 * nothing secret in it.
 *
 * @returns what is wrong, or `undefined` when it is not that
 */
export async function diagnose ({ host, port, tls }: Place): Promise<string | undefined> {
  if (tls) return await answers(connectPlain(port, host), 'connect', true) ? 'TLS was refused: the server speaks plain text there; use redis://, or leave the tls option out' : undefined
  return await answers(connectTls({ port, host, rejectUnauthorized: false }), 'secureConnect', false) ? 'the server speaks TLS there; use rediss://' : undefined
}

function answers (socket: Socket, event: string, ask: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (answered: boolean) => {
      heard()
      socket.destroy()
      resolve(answered)
    }
    const heard = whenHeardFor(LONGEST, () => done(false))
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once(event, () => {
      if (!ask) return done(true)
      socket.once('data', (data) => done(/^[+-]/.test(data.toString('latin1', 0, 1))))
      socket.write('PING\r\n')
    })
  })
}
