import { errors } from '../../errors.ts'
import { slotOf } from './keys.ts'
import type { Call, Client, CommandClass, Link } from './link.ts'

type Sending = Omit<Link, 'close' | 'ping'>

/**
 * Commands over a client that is connected. They are built here and handed over whole: so an application's key
 * prefix, reply transformers, automatic pipelines and reads from replicas, all of which work by the (lower-case)
 * name of a method, do not touch them, and replies stay bytes.
 */
export function sending (Command: CommandClass, client: () => Client, keyPrefix: string | Buffer): Sending {
  function dispatch (target: Client, [name, ...args]: Call): Promise<unknown> {
    const command = new Command(name, args, { replyEncoding: null })
    target.sendCommand(command)
    return command.promise
  }

  function send (call: Call): Promise<unknown> {
    try {
      return dispatch(client(), call)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  return {
    keyPrefix,
    group: (key) => client().isCluster ? slotOf(key) : 0,
    send,
    async sendAll (calls) {
      const target = client()
      // A cluster answers MOVED and ASK command by command; ioredis follows them only outside of a pipeline of writes
      if (target.isCluster) return await Promise.all(calls.map((call) => send(call).catch((error: unknown) => error)))
      const pipeline = target.pipeline()
      for (const [name, ...args] of calls) pipeline.sendCommand(new Command(name, args, { replyEncoding: null }))
      return (await pipeline.exec() ?? []).map(([error, result]) => error ?? result)
    },
    masters () {
      const target = client()
      const nodes = target.isCluster ? mastersOf(target) : [target]
      return nodes.map((node) => (call: Call) => dispatch(node, call))
    }
  }
}

/**
 * Every master of a cluster. ioredis forgets a node whose connection ended, so its list of nodes alone would leave
 * a dead master out without a word: the slots say who has to be there.
 */
export function mastersOf (cluster: Client): Client[] {
  const byAddress = new Map((cluster.nodes?.() ?? []).map((node) => [`${node.options.host}:${node.options.port}`, node]))
  const addresses = new Set<string>()
  const { slots = [] } = cluster
  for (let slot = 0; slot < 16384; slot++) {
    const address = slots[slot]?.[0]
    if (address === undefined) throw new errors.FST_CACHE_ERR_BACKEND(`no node of the cluster serves slot ${slot}`)
    addresses.add(address)
  }
  return [...addresses].map((address) => {
    const node = byAddress.get(address)
    if (node === undefined || node.status === 'end') throw new errors.FST_CACHE_ERR_BACKEND(`the cluster's node ${address} cannot be reached`)
    return node
  })
}
