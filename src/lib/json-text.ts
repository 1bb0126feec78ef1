/**
 * A JSON object or array kept as its text, so that no digit, no key order and no duplicate is lost on the way through.
 * The text is valid JSON (its maker has checked it). Scalars are never wrapped: they are plain JavaScript
 * values.
 */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  get isArray(): boolean {
    return this.text.trimStart().charCodeAt(0) === 91
  }
  toString(): string {
    return this.text
  }
}
