/** A button with a menu below it. Escape, a click elsewhere and a choice close it; arrows move in it. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

interface Props {
  readonly label: string
  readonly button: ComponentChildren
  readonly children: ComponentChildren
}

export function Menu({ label, button, children }: Props) {
  const [isOpen, open] = useState(false)
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isOpen) return
    const leave = (event: Event): void => {
      if (!(event.target instanceof Node) || ref.current?.contains(event.target) !== true) open(false)
    }
    addEventListener('pointerdown', leave)
    itemsIn(ref.current)[0]?.focus()
    return () => removeEventListener('pointerdown', leave)
  }, [isOpen])
  const press = (event: KeyboardEvent): void => {
    if (!isOpen) return
    const items = itemsIn(ref.current)
    const at = items.indexOf(document.activeElement as HTMLElement)
    if (event.key === 'Escape') {
      event.preventDefault()
      open(false)
      ref.current?.querySelector('button')?.focus()
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      items[(at + (event.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length]?.focus()
    }
  }
  return (
    <div class="menu" ref={ref} onKeyDown={press}>
      <button
        type="button"
        class="quiet"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => open(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div class="menu-list" role="menu" aria-label={label} onClick={() => open(false)}>
          {children}
        </div>
      )}
    </div>
  )
}

function itemsIn(menu: HTMLElement | null): HTMLElement[] {
  return menu === null ? [] : [...menu.querySelectorAll<HTMLElement>('[role="menuitem"]:not([disabled])')]
}

/** An entry of a menu. */
export function MenuItem({ children, onChoose }: { readonly children: ComponentChildren; onChoose(): void }) {
  return (
    <button type="button" role="menuitem" tabIndex={-1} onClick={onChoose}>
      {children}
    </button>
  )
}
