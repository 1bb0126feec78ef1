/** A drag that goes on outside of the element in which it began. */

/** Calls with the place of the pointer until it is let go; a click that ends a move is none. */
export function follow(event: PointerEvent, moved: (x: number) => void): void {
  const element = event.currentTarget as HTMLElement
  const from = event.clientX
  let isMove = false
  const drag = (move: PointerEvent): void => {
    if (!isMove && Math.abs(move.clientX - from) > 3) {
      isMove = true
      element.setPointerCapture(event.pointerId)
    }
    if (isMove) moved(move.clientX)
  }
  const end = (): void => {
    removeEventListener('pointermove', drag)
    removeEventListener('pointerup', end)
    removeEventListener('pointercancel', end)
    if (isMove) addEventListener('click', (click) => click.stopPropagation(), { capture: true, once: true })
  }
  addEventListener('pointermove', drag)
  addEventListener('pointerup', end)
  addEventListener('pointercancel', end)
}
