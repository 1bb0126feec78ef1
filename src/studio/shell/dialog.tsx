/** A modal dialog of the browser: it keeps the focus, Escape closes it, and the focus goes back to where it was. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

interface Props {
  readonly title: string
  /** Without a visible head. */
  readonly bare?: boolean
  readonly children: ComponentChildren
  close(): void
}

export function Dialog({ title, bare = false, children, close }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const before = document.activeElement
    ref.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class={bare ? 'dialog bare' : 'dialog'}
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === ref.current) close()
      }}
    >
      {!bare && (
        <header class="dialog-head">
          <h2>{title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={close}>
            ✕
          </button>
        </header>
      )}
      {children}
    </dialog>
  )
}
