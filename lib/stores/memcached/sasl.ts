import { frame, OP } from './protocol.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** SASL PLAIN (RFC 4616): an empty authorization identity, the user and the password, each after a NUL. */
export function plainMessage (credentials: Credentials, opaque: number): Buffer {
  const message = Buffer.from(`\0${credentials.username}\0${credentials.password}`)
  return frame({ op: OP.auth, key: Buffer.from('PLAIN'), value: [message] }, opaque)
}
