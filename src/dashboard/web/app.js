// The page: takes in what the server tells and shows it.
import {ChartBoard} from './charts.js';
import {command, follow, has_token, series} from './live.js';
import {bytes, clock, count, element, number, parameters, seconds, set_text} from './text.js';

const ASK_EVERY = 4000;  // milliseconds, at least, between two askings for the series
const ASK_FIRST = 500;   // the same until there is something
const MOST_LINES = 500;

const $ = (id) => document.getElementById(id);
let runs = [];
let chosen = 0;
let logs = [];  // a run: {next, lines: [[kind, text]]}

// ---- series

const board = new ChartBoard($('charts'), () => ask_soon(0));
const asked = new Map();  // what was asked last, by run and axis
let asking = false, timer = null, asked_at = 0;

const ask_every = () => board.extent('steps') ? ASK_EVERY : ASK_FIRST;

function ask_soon(wait = Math.max(0, asked_at + ask_every() - performance.now())) {
  if (wait === 0) clearTimeout(timer), timer = null;
  timer ??= setTimeout(ask_for_series, wait);
}

async function ask_for_series() {
  timer = null;
  if (document.hidden) return;
  if (asking) return ask_soon(200);
  asking = true;
  asked_at = performance.now();
  try {
    await Promise.all(runs.flatMap((run, i) => [tell_series(i, 'steps'), i === chosen && tell_series(i, 'time')]));
    board.draw();
  } catch (error) {
    ask_soon(ASK_EVERY);
  }
  asking = false;
}

// Of a run where nothing has happened since, nothing is asked.
async function tell_series(run, over) {
  const state = runs[run], range = board.range[over];
  const changing = over === 'time' ? performance.now() : [state.steps_done, state.newest?.step, state.status];
  const question = JSON.stringify([range, board.points(), state.over && over === 'time' ? state.status : changing]);
  if (asked.get(`${run} ${over}`) === question) return;
  board.told[over][run] = await series(run, over, range, board.points());
  asked.set(`${run} ${over}`, question);
}

// ---- state

function take_state(state) {
  const fresh = runs.length !== state.runs.length;
  runs = state.runs;
  board.runs = runs;
  if (fresh) offer_runs();
  show_run();
  ask_soon();
}

function offer_runs() {
  $('run').replaceChildren(...runs.map((run, i) => element('option', run.name, {value: i})));
  $('run-choice').hidden = runs.length < 2;
  logs = runs.map((_, i) => logs[i] ?? {next: 0, lines: []});
}

function show_run() {
  const run = runs[chosen];
  if (!run) return;
  $('status').dataset.status = run.status;
  set_text($('status'), run.status);
  set_text($('pending'), run.pending);
  document.title = `${run.newest ? `${number(run.newest.loss)} · ` : ''}${run.status} · anemone`;
  show_notice([complaint, run.error, run.log_error].filter(Boolean).join('\n'));
  set_text($('description'), describe(run));
  show_progress(run);
  show_figures(run);
  show_preview(run.preview);
  show_commands(run);
}

// What a press of a button led to, for as long as it takes to read it.
let complaint = '';

function complain(text) {
  complaint = text;
  show_run();
  setTimeout(() => { if (complaint === text) complaint = ''; }, 8000);
}

function show_notice(text) {
  $('notice').hidden = !text;
  set_text($('notice'), text);
}

function describe(run) {
  const d = run.description;
  if (!d) return run.log;
  const parts = [d.model, `${parameters(d.parameters)} parameters`, `${d.layers} layers × ${d.dim}`,
                 `sequence ${d.seq}`, d.device_description || d.device, d.precision, `${d.weights} weights`,
                 d.optimizer, `batch ${d.batch} × ${d.accumulation}`, run.log];
  return parts.filter(Boolean).join(' · ');
}

function show_progress(run) {
  const planned = run.steps_planned;
  $('progress').hidden = !planned;
  $('progress').value = planned ? run.steps_done / planned : 0;
  const left = run.seconds_left === null ? '' : `, ${seconds(run.seconds_left)} left`;
  set_text($('progress-text'), `${count(run.steps_done)}${planned ? ` of ${count(planned)}` : ''} steps${left}`);
}

// Name, value, and what else there is to say of it.
function figures(run) {
  const {newest, best, best_validation: validated, speed, measures, checkpoint} = run;
  const source = speed.device_ms === null ? 'host’s clock' : speed.modelled ? 'modelled time' : 'device’s clock';
  const list = [
    ['Loss', number(newest?.loss), newest?.skipped ? 'overflow: update skipped' : ''],
    ['Best loss', number(best?.loss), best ? `at step ${count(best.step)}` : ''],
    ['Validation', number(validated?.loss), validated ? `best, after ${count(validated.step)} steps` : ''],
    ['Learning rate', number(newest?.rate), ''],
    ['Gradient norm', number(newest?.norm), ''],
    ['Step', `${number(speed.ms)} ms`, `${number(speed.steps_per_second)} steps/s, host’s clock`],
    ['Tokens a second', number(speed.tokens_per_second), ''],
    ['Device', `${number(speed.device_tflops)} TFLOPS`, `${number(speed.total_tflops)} in all, host’s clock`],
  ];
  if (speed.utilization !== null) list.push(['Utilisation', `${number(speed.utilization * 100)} %`, source]);
  if (speed.device_ms !== null) {
    list.push([speed.modelled ? 'Device time (modelled)' : 'Device time', `${number(speed.device_ms)} ms`, 'a step']);
  }
  list.push(['Trained', seconds(run.trained_seconds), `${seconds(run.compiled_seconds)} compiling`]);
  list.push(['Power', power(measures), measures.power_missing]);
  if (measures.cores !== null) {
    list.push(['Processor', `${number(measures.cores)} cores`, `of ${measures.processors}`]);
    list.push(['Memory', bytes(measures.memory_bytes), '']);
  }
  if (checkpoint) list.push(['Checkpoint', `step ${count(checkpoint.step)}`, clock(checkpoint.time * 1e3)]);
  return list;
}

function power({cpu_watts: cpu, device_watts: device}) {
  const parts = [cpu !== null && `CPU ${number(cpu)} W`, device !== null && `device ${number(device)} W`];
  return parts.filter(Boolean).join(', ') || 'not available';
}

function show_figures(run) {
  const list = figures(run), root = $('figures');
  while (root.children.length > list.length) root.lastChild.remove();
  while (root.children.length < list.length) {
    const cell = element('div'), value = element('dd');
    value.append(element('span'), element('small'));
    cell.append(element('dt'), value);
    root.append(cell);
  }
  list.forEach(([name, value, note], i) => {
    const [term, detail] = root.children[i].children;
    set_text(term, name);
    set_text(detail.children[0], value);
    set_text(detail.children[1], note ?? '');
  });
}

function show_preview(preview) {
  const none = preview.on ? 'None yet: it comes with the first checkpoint.' : 'None yet: ask for some.';
  set_text($('preview'), preview.text || none);
  const about = preview.text ? `after ${count(preview.step)} steps` : '';
  set_text($('preview-state'), preview.generating ? 'generating …' : preview.error || about);
}

// ---- commands

// Disabled ones keep the focus and say why.
function offer(button, label, refusal) {
  set_text(button, label);
  const why = has_token ? refusal : 'Open the address that anemone printed, with its token, to command the run';
  button.setAttribute('aria-disabled', Boolean(why));
  button.title = why;
}

function show_commands(run) {
  const paused = run.status === 'paused';
  offer($('pause'), paused ? 'Go on' : 'Pause', run.refusals[paused ? 'continue' : 'pause']);
  offer($('save'), 'Save now', run.refusals.save);
  offer($('stop'), 'Stop', run.refusals.stop);
  offer($('generate'), 'Generate now', run.refusals.generate);
}

async function give(name) {
  try {
    set_text($('pending'), (await command(name, chosen)).pending);
  } catch (error) {
    complain(`${name}: ${error.message}`);
  }
}

function on_press(id, act) {
  $(id).addEventListener('click', (event) => {
    if (event.currentTarget.getAttribute('aria-disabled') !== 'true') act();
    else complain(event.currentTarget.title);
  });
}

on_press('pause', () => give(runs[chosen].status === 'paused' ? 'continue' : 'pause'));
on_press('save', () => give('save'));
on_press('generate', () => give('generate'));
on_press('stop', () => {
  const again = runs[chosen].pending.startsWith('stopping');
  set_text($('ask-stop-text'), again ? 'It stops after this step. Stop it at once, without a checkpoint?'
                                     : 'Stop the run after this step, with a checkpoint?');
  $('ask-stop').showModal();
});
$('ask-stop').addEventListener('close', () => { if ($('ask-stop').returnValue === 'yes') give('stop'); });

$('run').addEventListener('change', () => {
  chosen = board.chosen = Number($('run').value);
  board.range.time = null;
  show_run();
  $('log').replaceChildren();
  show_lines(logs[chosen].lines);
  board.draw();
  ask_soon(0);
});

// ---- log

function take_lines({run, first, lines}) {
  const log = logs[run] ??= {next: 0, lines: []};
  if (first !== log.next) log.lines = [];  // some were missed, or the server is another one
  const anew = first !== log.next;
  log.next = first + lines.length;
  log.lines = log.lines.concat(lines).slice(-MOST_LINES);
  if (run !== chosen) return;
  if (anew) $('log').replaceChildren();
  show_lines(lines);
}

function show_lines(lines) {
  const root = $('log');
  root.append(...lines.map(([kind, text]) => element('li', text, {class: kind === 'notice' ? 'notice-line' : kind})));
  while (root.children.length > MOST_LINES) root.firstChild.remove();
  if ($('follow').checked) root.scrollTop = root.scrollHeight;
}

// ---- theme

const prefers_dark = matchMedia('(prefers-color-scheme: dark)');
const THEMES = ['auto', 'light', 'dark'];

function stored_theme() {
  try { return localStorage.getItem('theme') ?? 'auto'; } catch { return 'auto'; }
}
let theme = stored_theme();

function show_theme() {
  const dark = theme === 'dark' || (theme === 'auto' && prefers_dark.matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  set_text($('theme'), `Theme: ${theme}`);
  board.paint();
}

$('theme').addEventListener('click', () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try { localStorage.setItem('theme', theme); } catch { /* kept for this page alone */ }
  show_theme();
});
prefers_dark.addEventListener('change', show_theme);
show_theme();

// ---- begin

document.addEventListener('visibilitychange', () => ask_soon(0));
follow((name, data) => {
  if (name === 'state') take_state(data);
  if (name === 'lines') take_lines(data);
}, (why) => {
  $('status').dataset.status = 'gone';
  set_text($('status'), 'not connected');
  show_notice(`${why}; trying again`);
  for (const log of logs) log.next = -1;
  asked.clear();
});
