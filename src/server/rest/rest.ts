/**
 * All REST calls beside login and health, put on the HTTP server: those of the agent, those of the environments, and
 * the document that describes them.
 */
import type { FastifyInstance } from 'fastify'
import type { BasePath } from '../http/base-path.ts'
import type { HttpContext } from '../http/http-context.ts'
import { CONSUMER_CHANGES } from './consumers/consumer-offsets.ts'
import { CONSUMER_ROUTES } from './consumers/consumers.ts'
import { DATASET_ROUTES } from './topics/datasets.ts'
import { addEnvironmentRoutes } from './environments.ts'
import { DOWNLOAD_ROUTES } from './downloads.ts'
import { EXPORT_ROUTES } from './export.ts'
import { addDocumentRoute } from './openapi.ts'
import { PRESENTATION_ROUTES } from './presentation.ts'
import { QUERY_ROUTES } from './queries.ts'
import { REGISTRY_ROUTES } from './registry/registry-proxy.ts'
import { addRoutes, type Route } from './route.ts'
import { SAVED_QUERY_ROUTES } from './saved-queries.ts'
import { SUBJECT_ROUTES } from './registry/subjects.ts'
import { TOPIC_CHANGES } from './topics/topic-changes.ts'
import { DETAIL_ROUTES } from './topics/topic-details.ts'
import { TOPIC_NAME_ROUTES } from './topics/topic-names.ts'
import { TOPIC_ROUTES } from './topics/topics.ts'

/** Every call that exists in the agent's form and behind the proxy. */
export const ROUTES: readonly Route[] = [
  ...PRESENTATION_ROUTES,
  ...TOPIC_ROUTES,
  ...TOPIC_NAME_ROUTES,
  ...DETAIL_ROUTES,
  ...TOPIC_CHANGES,
  ...DATASET_ROUTES,
  ...CONSUMER_ROUTES,
  ...CONSUMER_CHANGES,
  ...QUERY_ROUTES,
  ...EXPORT_ROUTES,
  ...DOWNLOAD_ROUTES,
  ...SAVED_QUERY_ROUTES,
  ...SUBJECT_ROUTES,
  ...REGISTRY_ROUTES,
]

/** Adds all REST calls. The routes are described in the document only if `addOpenApi` was called before. */
export function addRest(app: FastifyInstance, context: HttpContext, base: BasePath): void {
  const { config, environments, log, who, ask } = context
  const defaultEnvironment = config.environments.find((e) => e.default)?.name
  addRoutes(app, ROUTES, {
    environments,
    who,
    ask,
    export: context.export,
    tickets: context.tickets,
    defaultEnvironment,
    log,
    view: context.view,
  })
  addEnvironmentRoutes(app, context)
  addDocumentRoute(app, base)
}
