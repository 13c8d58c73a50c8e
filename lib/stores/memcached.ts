export async function memcachedStore (_: unknown): Promise<never> { throw new Error('x') }
