// What the page asks of the server. The token comes with the page's address, behind the #, and goes into a header.

const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
export const has_token = token !== '';

const SILENCE = 20000;  // milliseconds; the server says something at least every five seconds
const RETRY = [1000, 2000, 4000, 8000];

async function ask(path, options = {}) {
  const headers = {...options.headers};
  if (has_token) headers['X-Anemone-Token'] = token;
  const response = await fetch(path, {...options, headers, cache: 'no-store'});
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Error(told.error ?? `the server answered ${response.status}`);
}

export async function series(run, over, range, points) {
  const query = new URLSearchParams({run, over, points});
  if (range) {
    query.set('from', Math.floor(range.from));
    query.set('to', Math.ceil(range.to));
  }
  return (await ask(`series?${query}`)).json();
}

export async function command(name, run) {
  return (await ask(`${name}?run=${run}`, {method: 'POST'})).json();
}

// Server-sent events, read by hand since EventSource sends no headers. `hear` gets name and data of each.
async function listen(hear) {
  const stop = new AbortController();
  const response = await ask('events', {signal: stop.signal});
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const silence = setTimeout(() => stop.abort(), SILENCE);
    const {value, done} = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    const events = (text + value).split('\n\n');
    text = events.pop();
    for (const event of events) pass_on(event, hear);
  }
}

function pass_on(event, hear) {
  const fields = {};
  for (const line of event.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (fields.event) hear(fields.event, JSON.parse(fields.data));
}

// Listens for as long as the page is there. `lost` gets the reason each time that the server is not to be heard.
export async function follow(hear, lost) {
  for (let failures = 0;; ++failures) {
    try {
      await listen((name, data) => { failures = 0; hear(name, data); });
      lost('anemone has ended, or closed the connection');
    } catch (error) {
      lost(error instanceof TypeError || error.name === 'AbortError' ? 'anemone does not answer' : error.message);
    }
    await new Promise((wake) => setTimeout(wake, RETRY[Math.min(failures, RETRY.length - 1)]));
  }
}
