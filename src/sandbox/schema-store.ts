/**
 * The state of the embedded schema registry: schemas by id, subjects with versions, soft deletion, compatibility
 * levels. In memory, or kept in `registry.json` of a folder. Schema texts are kept as they came; two texts that are the
 * same JSON share an id. Whether a schema makes sense is not checked beyond being JSON (Avro, JSON Schema).
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** Another registered schema that this one builds upon. */
export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface SchemaInput {
  readonly schema: string
  readonly schemaType?: SchemaType
  readonly references?: readonly SchemaReference[]
}

export interface StoredSchema {
  readonly id: number
  readonly schema: string
  readonly schemaType: SchemaType
  readonly references: readonly SchemaReference[]
}

export interface SubjectVersion {
  readonly version: number
  readonly id: number
  deleted: boolean
}

/** An answer of the registry that is an error: HTTP status, Confluent's code, text. */
export class RegistryError extends Error {
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

interface SavedState {
  schemas: StoredSchema[]
  subjects: Record<string, SubjectVersion[]>
  config: Record<string, string>
}

const subjectGone = (subject: string) => new RegistryError(404, 40401, `Subject '${subject}' not found.`)
const versionGone = (version: number | string) => new RegistryError(404, 40402, `Version ${version} not found.`)

export class SchemaStore {
  readonly #schemas = new Map<number, StoredSchema>()
  readonly #ids = new Map<string, number>()
  readonly #subjects = new Map<string, SubjectVersion[]>()
  /** Compatibility level by subject; '' is the registry's own. */
  readonly config = new Map<string, string>()
  readonly #path: string | undefined

  constructor(folder?: string) {
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    this.#path = join(folder, 'registry.json')
    this.#load(this.#path)
  }

  #load(path: string): void {
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    const saved = JSON.parse(text) as SavedState
    for (const schema of saved.schemas) {
      this.#schemas.set(schema.id, schema)
      this.#ids.set(fingerprint(schema), schema.id)
    }
    for (const [subject, versions] of Object.entries(saved.subjects)) this.#subjects.set(subject, versions)
    for (const [subject, level] of Object.entries(saved.config)) this.config.set(subject, level)
  }

  /** Writes everything (whole, then renamed). */
  save(): void {
    if (this.#path === undefined) return
    const state: SavedState = {
      schemas: [...this.#schemas.values()],
      subjects: Object.fromEntries(this.#subjects),
      config: Object.fromEntries(this.config),
    }
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(state, undefined, 1)}\n`)
    renameSync(`${this.#path}.new`, this.#path)
  }

  subjects(options: { readonly deleted?: boolean; readonly prefix?: string } = {}): string[] {
    const seen = (versions: SubjectVersion[]) =>
      options.deleted === true || versions.some((version) => !version.deleted)
    return [...this.#subjects]
      .filter(([subject, versions]) => subject.startsWith(options.prefix ?? '') && seen(versions))
      .map(([subject]) => subject)
  }

  /** Versions of a subject; an unknown one is 40401. */
  versions(subject: string, deleted = false): SubjectVersion[] {
    const versions = (this.#subjects.get(subject) ?? []).filter((version) => deleted || !version.deleted)
    if (versions.length === 0) throw subjectGone(subject)
    return versions
  }

  /** One version; `wanted` is a number, `latest` or -1. */
  version(subject: string, wanted: string, deleted = false): SubjectVersion {
    const versions = this.versions(subject, deleted)
    if (wanted === 'latest' || wanted === '-1') return versions[versions.length - 1]
    const number = Number(wanted)
    if (!Number.isInteger(number) || number < 1)
      throw new RegistryError(
        422,
        42202,
        `The specified version '${wanted}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
      )
    const found = versions.find((version) => version.version === number)
    if (found === undefined) throw versionGone(number)
    return found
  }

  schema(id: number): StoredSchema {
    const found = this.#schemas.get(id)
    if (found === undefined) throw new RegistryError(404, 40403, `Schema ${id} not found`)
    return found
  }

  /** Subjects and versions that use a schema. */
  usesOf(id: number, deleted = false): { subject: string; version: number }[] {
    this.schema(id)
    const uses: { subject: string; version: number }[] = []
    for (const [subject, versions] of this.#subjects)
      for (const one of versions)
        if (one.id === id && (deleted || !one.deleted)) uses.push({ subject, version: one.version })
    return uses
  }

  /** Ids of schemas that refer to this version. */
  referencedBy(subject: string, version: number): number[] {
    return [...this.#schemas.values()]
      .filter((schema) => schema.references.some((one) => one.subject === subject && one.version === version))
      .map((schema) => schema.id)
  }

  /** Registers under a subject and gives the id; what is known already keeps its id and version. */
  register(subject: string, input: SchemaInput): number {
    check(input)
    for (const reference of input.references ?? []) this.#resolve(reference)
    const key = fingerprint(input)
    const id = this.#ids.get(key) ?? this.#schemas.size + 1
    if (!this.#schemas.has(id)) {
      this.#schemas.set(id, {
        id,
        schema: input.schema,
        schemaType: input.schemaType ?? 'AVRO',
        references: input.references ?? [],
      })
      this.#ids.set(key, id)
    }
    const versions = this.#subjects.get(subject) ?? []
    if (!versions.some((version) => version.id === id && !version.deleted)) {
      versions.push({ version: (versions.at(-1)?.version ?? 0) + 1, id, deleted: false })
      this.#subjects.set(subject, versions)
    }
    this.save()
    return id
  }

  #resolve(reference: SchemaReference): void {
    try {
      this.version(reference.subject, String(reference.version))
    } catch {
      throw new RegistryError(
        422,
        42201,
        `Invalid schema: no schema reference found for subject "${reference.subject}" and version ${reference.version}`,
      )
    }
  }

  /** Where a schema stands under a subject; 40401 or 40403 when it does not. */
  lookUp(subject: string, input: SchemaInput, deleted = false): SubjectVersion {
    check(input)
    const id = this.#ids.get(fingerprint(input))
    const found = this.versions(subject, deleted).find((version) => version.id === id)
    if (found === undefined) throw new RegistryError(404, 40403, 'Schema not found')
    return found
  }

  deleteSubject(subject: string, permanent: boolean): number[] {
    const all = this.#subjects.get(subject)
    if (all === undefined) throw subjectGone(subject)
    const live = all.filter((version) => !version.deleted)
    if (!permanent && live.length === 0)
      throw new RegistryError(
        404,
        40404,
        `Subject '${subject}' was soft deleted.Set permanent=true to delete permanently`,
      )
    if (permanent && live.length > 0)
      throw new RegistryError(404, 40405, `Subject '${subject}' was not deleted first before being permanently deleted`)
    if (permanent) this.#subjects.delete(subject)
    else for (const version of live) version.deleted = true
    this.save()
    return (permanent ? all : live).map((version) => version.version)
  }

  deleteVersion(subject: string, wanted: string, permanent: boolean): number {
    const found = this.version(subject, wanted, permanent)
    if (permanent && !found.deleted)
      throw new RegistryError(
        404,
        40407,
        `Subject '${subject}' Version ${found.version} was not deleted first before being permanently deleted`,
      )
    if (permanent) {
      const rest = (this.#subjects.get(subject) ?? []).filter((version) => version !== found)
      if (rest.length === 0) this.#subjects.delete(subject)
      else this.#subjects.set(subject, rest)
    } else found.deleted = true
    this.save()
    return found.version
  }
}

function check(input: SchemaInput): void {
  const type = input.schemaType ?? 'AVRO'
  if (!['AVRO', 'JSON', 'PROTOBUF'].includes(type)) throw new RegistryError(422, 42201, `Invalid schema type ${type}`)
  if (typeof input.schema !== 'string' || input.schema === '') throw new RegistryError(422, 42201, 'Empty schema')
  if (type === 'PROTOBUF') return
  try {
    JSON.parse(input.schema)
  } catch (error) {
    throw new RegistryError(422, 42201, `Invalid schema: ${(error as Error).message}`)
  }
}

/** Equal for texts that mean the same JSON. */
function fingerprint(input: SchemaInput): string {
  const type = input.schemaType ?? 'AVRO'
  const text = type === 'PROTOBUF' ? input.schema : JSON.stringify(JSON.parse(input.schema))
  return JSON.stringify([type, text, input.references ?? []])
}
