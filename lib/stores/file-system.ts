export async function fileSystemStore (_: unknown): Promise<never> { throw new Error('x') }
