/** Bytes as they are stored: offset, hex, characters; the first wrong byte is marked. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { fromBase64, hexLines, wrongByte } from './hex.ts'

/** Not a limit: lines that are shown before one asks for more. */
const LINES = 256
/** Pixels. */
const WIDE = 640

interface Props {
  readonly label: 'key' | 'value'
  readonly base64: string | undefined
  readonly error: string | undefined
}

export function HexView({ label, base64, error }: Props) {
  const [shown, show] = useState(LINES)
  const [width, measure] = useState(8)
  const ref = useRef<HTMLElement>(null)
  const bytes = useMemo(() => (base64 === undefined ? undefined : fromBase64(base64)), [base64])
  // Sixteen a line where they fit.
  useLayoutEffect(() => measure((ref.current?.clientWidth ?? 0) > WIDE ? 16 : 8), [bytes])
  if (bytes === undefined) return <p class="notice">No bytes of the {label} are here.</p>
  const wrong = error === undefined ? undefined : wrongByte(error)
  const mark = wrong?.side === label ? wrong.byte : -1
  return (
    <section class="hex" ref={ref} aria-label={`Bytes of the ${label}`}>
      <h4>
        {label}, {bytes.length.toLocaleString('en')} bytes
        {mark >= 0 && `, wrong at byte ${mark}`}
      </h4>
      <div class="hex-lines" role="presentation" tabIndex={0}>
        {hexLines(bytes, shown, width).map((line, i) => (
          <div key={line.offset} class="hex-line">
            <span class="soft">{line.offset}</span>
            <span class="bytes">
              {line.bytes.map((byte, j) =>
                i * width + j === mark ? (
                  <mark key={j} title="the first wrong byte">
                    {byte}
                  </mark>
                ) : (
                  <span key={j}>{byte}</span>
                ),
              )}
            </span>
            <span class="characters">{line.characters}</span>
          </div>
        ))}
      </div>
      {bytes.length > shown * width && (
        <button type="button" onClick={() => show(shown * 2)}>
          Show more
        </button>
      )}
    </section>
  )
}
