/** All keys, from the commands that are there. */
import { useStore } from '../use-store.ts'
import { commands, keysText } from './commands.ts'
import { isMac } from '../shell/shell-commands.ts'

export default function Keys() {
  const all = useStore(commands, (map) => map)
  return (
    <dl class="keys">
      {[...all.values()]
        .filter(({ keys }) => keys !== undefined)
        .map(({ id, title, keys }) => (
          <div key={id}>
            <dt>
              <kbd>{keysText(keys ?? '', isMac)}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
    </dl>
  )
}
