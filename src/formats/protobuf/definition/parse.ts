/**
 * The text of one .proto file → what it declares: proto2, proto3 and editions. Names of types are left as they are
 * written (`link.ts` looks them up). What readers have no use for is skipped: services, extensions, reserved
 * numbers, most options. Source: the language specifications of Protocol Buffers.
 */
import { type Token, Tokens, UnclosedError } from './tokens.ts'

/**
 * Limit `protobuf.schema.characters` (characters): text of one .proto file. Beyond it: the schema cannot be used; the
 * message says so.
 */
export const PROTOBUF_LIMIT_TEXT = 4 << 20
/**
 * Limit `protobuf.schema.depth` (levels): nesting of declarations in one .proto file. Beyond it: the schema cannot be
 * used; the message says so.
 */
const LIMIT_NESTING = 64

/**
 * Limit `protobuf.schema.package` (names): parts of the name of a package. Beyond it: the schema cannot be used; the
 * message says so.
 */
const LIMIT_PACKAGE = 32

/** The text is not a usable Protobuf schema; the message says why. */
export class ProtobufSchemaError extends Error {}

export interface FileDecl {
  readonly name: string
  readonly syntax: 'proto2' | 'proto3' | 'editions'
  readonly package: string
  readonly imports: readonly string[]
  readonly options: Options
  readonly messages: MessageDecl[]
  readonly enums: EnumDecl[]
}

export interface MessageDecl {
  readonly name: string
  readonly fields: FieldDecl[]
  readonly messages: MessageDecl[]
  readonly enums: EnumDecl[]
  /** Its own options and those of the messages around it, the innermost first. */
  readonly levels: readonly Options[]
  /** Declared by a group of proto2: no list of indexes counts it. */
  readonly group?: true
}

export interface FieldDecl {
  readonly name: string
  readonly number: number
  /** As written. */
  readonly type: string
  readonly label: 'optional' | 'required' | 'repeated' | undefined
  /** The type of a map's keys, of a map. */
  readonly key?: string
  /** Which of the message's oneofs it belongs to. */
  readonly oneof?: number
  /** The options of that oneof. */
  readonly oneofOptions?: Options
  /** A group of proto2; `type` is the message that it declares. */
  readonly group?: true
  readonly options: Options
}

export interface EnumDecl {
  readonly name: string
  readonly values: readonly (readonly [name: string, number: number])[]
}

/**
 * Options by name, as far as their value is a single constant; members of `{ … }` by the names of both, as in
 * `features.field_presence`.
 */
export type Options = ReadonlyMap<string, string>

/** Parses a file. `name` is for messages. Throws ProtobufSchemaError. */
export function parseProto(text: string, name: string): FileDecl {
  if (text.length > PROTOBUF_LIMIT_TEXT)
    throw new ProtobufSchemaError(
      `the Protobuf file ${name} has ${text.length} characters, the limit is ${PROTOBUF_LIMIT_TEXT}`,
    )
  const parser = new Parser(text, name)
  try {
    return parser.file()
  } catch (error) {
    throw error instanceof UnclosedError ? parser.error(error.message, error) : error
  }
}

interface Scope {
  readonly fields: FieldDecl[]
  readonly messages: MessageDecl[]
  readonly enums: EnumDecl[]
  readonly options: Map<string, string>
  /** Of the declarations around it, the innermost first. */
  readonly levels: readonly Options[]
  /** Oneofs so far. */
  oneofs: number
}

function newScope(levels: readonly Options[]): Scope {
  const options = new Map<string, string>()
  return { fields: [], messages: [], enums: [], options, levels: [options, ...levels], oneofs: 0 }
}

/** The oneof that a field stands in. */
interface Oneof {
  readonly oneof: number
  readonly oneofOptions: Map<string, string>
}

class Parser {
  readonly #tokens: Tokens
  readonly #name: string
  constructor(text: string, name: string) {
    this.#tokens = new Tokens(text)
    this.#name = name
  }

  file(): FileDecl {
    const tokens = this.#tokens
    let syntax: FileDecl['syntax'] = 'proto2'
    let packageName = ''
    const imports: string[] = []
    const options = new Map<string, string>()
    const scope = { ...newScope([]), levels: [] }
    while (tokens.peek().kind !== 'end') {
      if (tokens.accept(';')) continue
      if (tokens.accept('syntax')) syntax = this.#syntax()
      else if (tokens.accept('edition')) {
        this.#syntax()
        syntax = 'editions'
      } else if (tokens.accept('package')) {
        const token = tokens.peek()
        packageName = this.#nameToken()
        if (packageName.split('.', LIMIT_PACKAGE + 1).length > LIMIT_PACKAGE)
          throw this.error(`the package has more parts than the limit of ${LIMIT_PACKAGE}`, token)
        this.#expect(';')
      } else if (tokens.accept('import')) {
        if (!tokens.accept('public') && !tokens.accept('weak')) tokens.accept('option')
        imports.push(this.#string())
        this.#expect(';')
      } else if (tokens.accept('option')) this.#option(options, ';')
      else if (!this.#declaration(scope, 0)) throw this.#unexpected(tokens.next())
    }
    return {
      name: this.#name,
      syntax,
      package: packageName,
      imports,
      options,
      messages: scope.messages,
      enums: scope.enums,
    }
  }

  #syntax(): FileDecl['syntax'] {
    this.#expect('=')
    const token = this.#tokens.peek()
    const text = this.#string()
    this.#expect(';')
    if (text === 'proto3' || text === 'proto2') return text
    if (/^\d{4}$/.test(text)) return 'editions'
    throw this.error(`unknown syntax "${text.slice(0, 40)}"`, token)
  }

  /** message, enum, extend, service; false: none of them. */
  #declaration(scope: Scope, depth: number): boolean {
    const tokens = this.#tokens
    // Who may use a type, said since edition 2024, is of no interest to who reads its values.
    if (
      (tokens.is('export') || tokens.is('local')) &&
      /^(?:message|enum)$/.test(tokens.peek(1).text) &&
      tokens.peek(3).text === '{'
    )
      tokens.next()
    const [word, name, mark] = [tokens.peek(), tokens.peek(1), tokens.peek(2)]
    if (word.kind !== 'name' || name.kind !== 'name' || mark.text !== '{') return false
    switch (word.text) {
      case 'message':
        this.#take(2)
        scope.messages.push(this.#message(name.text, depth + 1, scope.levels))
        return true
      case 'enum':
        this.#take(2)
        scope.enums.push(this.#enum(name.text))
        return true
      case 'extend':
      case 'service':
        this.#take(2)
        this.#passBlock()
        return true
      default:
        return false
    }
  }

  #message(name: string, depth: number, levels: readonly Options[]): MessageDecl {
    if (depth > LIMIT_NESTING)
      throw this.error(`messages are nested deeper than the limit of ${LIMIT_NESTING} levels`, this.#tokens.peek())
    const scope = newScope(levels)
    this.#expect('{')
    while (!this.#tokens.accept('}')) this.#member(scope, depth)
    return { name, fields: scope.fields, messages: scope.messages, enums: scope.enums, levels: scope.levels }
  }

  #member(scope: Scope, depth: number): void {
    const tokens = this.#tokens
    if (tokens.accept(';') || this.#declaration(scope, depth)) return
    const [word, second, third] = [tokens.peek(), tokens.peek(1), tokens.peek(2)]
    if (word.text === 'oneof' && second.kind === 'name' && third.text === '{') return this.#oneof(scope, depth)
    if (tokens.accept('option')) {
      this.#option(scope.options, ';')
      return
    }
    if ((word.text === 'reserved' || word.text === 'extensions') && third.text !== '=') return this.#pass(';')
    this.#field(scope, depth, undefined)
  }

  #oneof(scope: Scope, depth: number): void {
    this.#take(3)
    const oneof: Oneof = { oneof: scope.oneofs++, oneofOptions: new Map() }
    while (!this.#tokens.accept('}')) {
      if (this.#tokens.accept(';')) continue
      if (this.#tokens.accept('option')) this.#option(oneof.oneofOptions, ';')
      else this.#field(scope, depth, oneof)
    }
  }

  #field(scope: Scope, depth: number, oneof: Oneof | undefined): void {
    const tokens = this.#tokens
    const first = tokens.peek()
    let label: FieldDecl['label']
    if (
      (first.text === 'optional' || first.text === 'required' || first.text === 'repeated') &&
      tokens.peek(1).kind === 'name'
    ) {
      label = first.text
      tokens.next()
    }
    if (tokens.is('group') && tokens.peek(2).text === '=') return this.#group(scope, depth, label, oneof)
    const key = tokens.is('map') && tokens.peek(1).text === '<' ? this.#mapKey() : undefined
    const type = this.#nameToken()
    if (key !== undefined) this.#expect('>')
    const name = this.#nameToken()
    this.#expect('=')
    const number = this.#numberOf(name, first)
    const options = this.#options()
    this.#expect(';')
    const field = { name, number, type, label, options }
    scope.fields.push({ ...field, ...(key === undefined ? {} : { key }), ...oneof })
  }

  #mapKey(): string {
    this.#take(2)
    const key = this.#nameToken()
    this.#expect(',')
    return key
  }

  /**
   * A group of proto2 is a field and the message of its values at once; the field has the message's name in small
   * letters.
   */
  #group(scope: Scope, depth: number, label: FieldDecl['label'], oneof: Oneof | undefined): void {
    this.#take(1)
    const first = this.#tokens.peek()
    const type = this.#nameToken()
    this.#expect('=')
    const number = this.#numberOf(type, first)
    const options = this.#options()
    scope.messages.push({ ...this.#message(type, depth + 1, scope.levels), group: true })
    scope.fields.push({
      name: type.toLowerCase(),
      number,
      type,
      label,
      options,
      group: true,
      ...oneof,
    })
  }

  /** The number of a field. */
  #numberOf(name: string, first: Token): number {
    const number = this.#integer()
    if (number < 1 || number > 536_870_911 || name.includes('.'))
      throw this.error(`the field "${name.slice(0, 60)}" has the number ${number}`, first)
    return number
  }

  #enum(name: string): EnumDecl {
    const tokens = this.#tokens
    const values: [string, number][] = []
    this.#expect('{')
    while (!tokens.accept('}')) {
      if (tokens.accept(';')) continue
      if ((tokens.is('option') || tokens.is('reserved')) && tokens.peek(1).text !== '=') {
        this.#pass(';')
        continue
      }
      const value = this.#nameToken()
      this.#expect('=')
      values.push([value, this.#integer() | 0])
      this.#options()
      this.#expect(';')
    }
    return { name, values }
  }

  // -------------------------------------------------------------------------------------------- options

  /** `[name = value, …]`, or nothing. */
  #options(): Options {
    const options = new Map<string, string>()
    if (!this.#tokens.accept('[')) return options
    while (!this.#option(options, ',', ']'));
    return options
  }

  /** One option, up to and with one of the marks; true when it was the second one. */
  #option(options: Map<string, string>, end: string, close = end): boolean {
    const tokens = this.#tokens
    let name = ''
    while (!tokens.is('=')) name += this.#some().text
    tokens.next()
    const sign = tokens.accept('-') ? '-' : ''
    const value = tokens.peek()
    if (value.text === '{' && value.kind === 'mark') this.#members(options, name)
    else {
      this.#some()
      let text = value.text
      while (value.kind === 'string' && tokens.peek().kind === 'string') text += tokens.next().text
      options.set(name, sign + text)
    }
    if (tokens.accept(close)) return true
    this.#expect(end)
    return false
  }

  /** `{ name: value, … }` as the value of an option. Only constants are kept. */
  #members(options: Map<string, string>, option: string): void {
    const tokens = this.#tokens
    this.#expect('{')
    while (!tokens.accept('}')) {
      if (tokens.is('{')) {
        this.#passBlock()
        continue
      }
      const name = this.#some()
      if (name.kind === 'name' && tokens.accept(':') && !tokens.is('{') && !tokens.is('['))
        options.set(`${option}.${name.text}`, this.#some().text)
    }
  }

  // -------------------------------------------------------------------------------------------- passing over

  /** Everything up to and with the mark, blocks as a whole. */
  #pass(mark: string): void {
    while (!this.#tokens.accept(mark)) {
      if (this.#tokens.is('{')) this.#passBlock()
      else this.#some()
    }
  }

  #passBlock(): void {
    this.#expect('{')
    for (let depth = 1; depth > 0; ) {
      const { kind, text } = this.#some()
      if (kind === 'mark' && text === '{') depth++
      else if (kind === 'mark' && text === '}') depth--
    }
  }

  // -------------------------------------------------------------------------------------------- tokens

  #take(count: number): void {
    for (let i = 0; i < count; i++) this.#tokens.next()
  }

  /** Any token but the end of the text. */
  #some(): Token {
    const token = this.#tokens.next()
    if (token.kind === 'end') throw this.#unexpected(token)
    return token
  }

  #expect(mark: string): void {
    const token = this.#tokens.next()
    if (token.kind !== 'mark' || token.text !== mark) throw this.#unexpected(token, `"${mark}"`)
  }

  #nameToken(): string {
    const token = this.#tokens.next()
    if (token.kind !== 'name') throw this.#unexpected(token, 'a name')
    return token.text
  }

  #string(): string {
    const token = this.#tokens.next()
    if (token.kind !== 'string') throw this.#unexpected(token, 'a string')
    let { text } = token
    while (this.#tokens.peek().kind === 'string') text += this.#tokens.next().text
    return text
  }

  #integer(): number {
    const negative = this.#tokens.accept('-')
    const token = this.#tokens.next()
    const number = /^0[0-7]+$/.test(token.text) ? Number.parseInt(token.text, 8) : Number(token.text)
    if (token.kind !== 'number' || !Number.isSafeInteger(number)) throw this.#unexpected(token, 'a whole number')
    return negative ? -number : number
  }

  #unexpected(token: Token, wanted?: string): ProtobufSchemaError {
    const found = token.kind === 'end' ? 'the end of the text' : `"${token.text.slice(0, 40)}"`
    return this.error(
      wanted === undefined ? `unexpected ${found}` : `${wanted} is expected, and ${found} is there`,
      token,
    )
  }

  /** The error for a place in the text. */
  error(what: string, token: Pick<Token, 'at'>): ProtobufSchemaError {
    const place = this.#name === '' ? '' : ` of ${this.#name}`
    return new ProtobufSchemaError(
      `the Protobuf schema cannot be used: line ${this.#tokens.line(token.at)}${place}: ${what}`,
    )
  }
}
