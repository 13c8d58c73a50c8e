import type { FastifyInstance } from 'fastify'

export function addRoutes (app: FastifyInstance): void
