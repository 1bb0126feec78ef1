/**
 * Runs in a page: clients that know nothing but `WebSocket` and `fetch`, each with the habits of one that exists. What they answer can be sent as JSON.
 * `clients.ask` keeps the texts of all frames; the others keep what the client they imitate keeps.
 */

/** Opens a socket, sends one message (an object, or a text as it is), gathers everything until the close. `closeAfter`: says goodbye after so many frames of type RECORD. */
function ask(url, message, { closeAfter = Number.POSITIVE_INFINITY } = {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    const texts = []
    let records = 0
    let opened = false
    let failed = false
    socket.onopen = () => {
      opened = true
      socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    }
    socket.onmessage = ({ data }) => {
      texts.push(data)
      if (data.startsWith('{"type":"RECORD"') && ++records === closeAfter) socket.close()
    }
    socket.onerror = () => {
      failed = true
    }
    socket.onclose = ({ code, wasClean, reason }) => resolve({ texts, code, wasClean, reason, opened, failed })
  })
}

/** One call of REST. `failed` is what `fetch` throws when the browser does not let the page see the answer. */
async function rest(url, { method = 'GET', token, body, headers = {}, credentials = 'omit' } = {}) {
  try {
    const response = await fetch(url, {
      method,
      credentials,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    return { failed: `${error.name}: ${error.message}` }
  }
}

function login(base, user, password) {
  return rest(`${base}/api/login`, { method: 'POST', body: { user, password } })
}

/** Plots aggregates: logs in, takes the value of each RECORD, is done at END, sorts by numbers; never closes its socket. */
async function plot(base, url, sql, by) {
  const token = (await login(base, 'admin', 'admin')).text
  const socket = new WebSocket(url)
  const rows = []
  socket.onopen = () => socket.send(JSON.stringify({ token, sql, live: false, stats: 2 }))
  const closed = new Promise((resolve) => {
    socket.onclose = ({ code }) => resolve(code)
  })
  await new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data)
      if (message.type === 'RECORD') rows.push(message.data.value)
      if (message.type === 'END') resolve()
    }
  })
  const plotted = rows
    .map((d) => ({ label: d[by], count: d.count, sum: d.sum, height: d.count + d.sum }))
    .sort((a, b) => a.count - b.count)
  return { plotted, code: await closed }
}

/** Takes every frame for a message and has enough after a few. */
function ticker(url, message, enough) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    const seen = []
    socket.onopen = () => socket.send(JSON.stringify(message))
    socket.onmessage = ({ data }) => {
      if (seen.length === enough) return
      seen.push(JSON.parse(data).type)
      if (seen.length === enough) socket.close()
    }
    socket.onclose = ({ code, wasClean }) => resolve({ seen, code, wasClean })
  })
}

/** Reads so slowly that it reads nothing: at the first record the page stands still for a while. Then how many records came, whether in order, and how many characters. */
function sluggish(url, message, blockMs) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    let records = 0
    let characters = 0
    let inOrder = true
    const others = []
    socket.onopen = () => socket.send(JSON.stringify(message))
    socket.onmessage = ({ data }) => {
      characters += data.length
      const frame = JSON.parse(data)
      if (frame.type !== 'RECORD') {
        others.push(frame.type)
        return
      }
      if (frame.data.rownum !== records) inOrder = false
      if (records++ === 0) {
        const until = performance.now() + blockMs
        while (performance.now() < until);
      }
    }
    socket.onclose = ({ code }) => resolve({ records, characters, inOrder, others, code })
  })
}

globalThis.clients = { ask, rest, login, plot, ticker, sluggish }
