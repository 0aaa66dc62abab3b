// The charts: what each shows, and how one looks into it. The server is asked for the part that is seen, in as many
// points as fit.
import {bytes, clock, count, element, number, set_text} from './text.js';

const COMPONENTS = ['ane', 'io', 'cls', 'elem', 'rms', 'cblas_wait', 'dw', 'adam', 'stage', 'compile'];
const TABLE_ROWS = 20;
const NARROWEST = {steps: 4, time: 4000};  // in places
const MOST_COLORS = 10;

// over: which range it shares with others; runs: 'all' of them laid over each other, or 'one', the chosen one.
const KINDS = [
  {id: 'loss', title: 'Loss', over: 'steps', runs: 'all', wide: true, format: number, lines: [
    {key: 'loss', label: 'each step', thin: true, band: true},
    {key: 'smoothed_loss', label: 'smoothed'},
    {key: 'best', label: 'best', mark: true},
  ]},
  {id: 'rate', title: 'Learning rate', over: 'steps', runs: 'all', format: number, lines: [{key: 'lr', label: 'rate'}]},
  {id: 'speed', title: 'Tokens a second', over: 'steps', runs: 'all', format: number,
    lines: [{key: 'tokens_per_second', label: 'tokens/s'}]},
  {id: 'components', title: 'Where a step’s time goes, ms', over: 'steps', runs: 'one', stacked: true, wide: true,
    format: number, lines: COMPONENTS.map((name) => ({key: `t_${name}`, label: name === 'ane' ? 'device' : name, hidden: name === 'compile'}))
      .concat({key: 'device_ms', label: 'device’s own clock', apart: true, color: 'text'})},
  {id: 'power', narrow: true, title: 'Power, W', over: 'time', runs: 'one', format: number,
    lines: [{key: 'cpu_watts', label: 'CPU'}, {key: 'device_watts', label: 'device'}]},
  {id: 'memory', narrow: true, title: 'Memory of the trainer', over: 'time', runs: 'one', format: bytes,
    lines: [{key: 'memory_bytes', label: 'memory'}]},
  {id: 'cores', narrow: true, title: 'Processor time of the trainer, cores', over: 'time', runs: 'one', format: number,
    lines: [{key: 'cores', label: 'cores'}]},
];

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const place = (over, value) => over === 'steps' ? count(Math.round(value)) : clock(value);

function points(series, part = 'mean') {
  if (!series) return [];
  return series.x.map((x, i) => ({x, y: series[part][i]}));
}

class ChartPanel {
  constructor(kind, board) {
    this.kind = kind;
    this.board = board;
    this.hidden = new Set(kind.lines.filter((line) => line.hidden).map((line) => line.key));
    this.root = document.getElementById('chart').content.firstElementChild.cloneNode(true);
    this.root.id = `chart-${kind.id}`;
    this.root.classList.toggle('wide', Boolean(kind.wide));
    this.root.classList.toggle('narrow', Boolean(kind.narrow));
    this.canvas = this.root.querySelector('canvas');
    this.selection = this.root.querySelector('.selection');
    this.whole = this.root.querySelector('.whole');
    this.root.querySelector('h2').textContent = kind.title;
    this.root.querySelector('.legend').setAttribute('aria-label', `${kind.title}: lines`);
    this.root.querySelector('details').addEventListener('toggle', () => this.fill_table());
    this.whole.addEventListener('click', () => { board.look(kind.over, null); this.canvas.focus(); });
    board.root.append(this.root);
    this.watch_keys();
    this.watch_pointer();
    this.make_chart();
  }

  make_chart() {
    if (typeof Chart === 'undefined') {
      this.canvas.hidden = true;
      this.root.querySelector('.empty').textContent = 'This build of anemone has no charts: see the table.';
      return;
    }
    const {over, format, stacked} = this.kind;
    const axis = {grid: {color: ''}, ticks: {color: '', maxRotation: 0, autoSkipPadding: 16}};
    this.chart = new Chart(this.canvas, {
      type: 'line',
      data: {datasets: []},
      options: {
        animation: false, parsing: false, normalized: true, maintainAspectRatio: false,
        interaction: {mode: 'index', axis: 'x', intersect: false},
        elements: {point: {radius: 0, hitRadius: 8}, line: {borderWidth: 2}},
        scales: {
          x: {...structuredClone(axis), type: 'linear'},
          y: {...structuredClone(axis), stacked: Boolean(stacked), beginAtZero: this.kind.id !== 'loss'},
        },
        plugins: {
          legend: {display: false},
          tooltip: {
            filter: (item) => !item.dataset.silent,
            callbacks: {
              title: (items) => items.length ? (over === 'steps' ? 'step ' : '') + place(over, items[0].parsed.x) : '',
              label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
            },
          },
        },
      },
    });
    this.chart.options.scales.x.ticks.callback = (value) => place(over, value);
    this.chart.options.scales.y.ticks.callback = (value) => format(value);
    this.paint();
  }

  // Lines to draw: {key, label, color, points, …}, of each run that the chart shows.
  lines() {
    const {kind, board} = this;
    const several = kind.runs === 'all' && board.runs.length > 1;
    const shown = kind.runs === 'all' ? board.runs.keys() : [board.chosen];
    const lines = [];
    for (const run of shown) {
      const told = board.told[kind.over][run];
      if (!told) continue;
      kind.lines.forEach((line, i) => {
        const name = board.runs[run].name;
        const modelled = line.apart && board.runs[run].speed.modelled ? ' (modelled)' : '';
        lines.push({
          ...line, run, series: told.series[line.key],
          points: line.mark ? this.best_of(run) : points(told.series[line.key]),
          label: several ? `${name}: ${line.label}` : line.label + modelled,
          color: line.color ?? `c${(several ? run : i) % MOST_COLORS}`,
          name: several ? `${run}` : line.key,                     // what its button in the legend shows or hides
          button: several ? name : line.label + modelled,
        });
      });
    }
    const telling = (line) => kind.stacked ? line.points.some((point) => point.y > 0) : line.points.length > 0;
    return lines.filter(telling);
  }

  best_of(run) {
    const best = this.board.runs[run].best;
    const range = this.board.range.steps;
    if (!best || (range && (best.step < range.from || best.step > range.to))) return [];
    return [{x: best.step, y: best.loss}];
  }

  draw() {
    const lines = this.lines();
    this.draw_legend(lines);
    this.describe(lines);
    this.fill_table(lines);
    this.whole.hidden = !this.board.range[this.kind.over];
    if (!this.chart) return;
    set_text(this.root.querySelector('.empty'), lines.length ? '' : this.board.why_empty(this.kind.id));
    const shown = lines.filter((line) => !this.hidden.has(line.name));
    this.chart.data.datasets = shown.flatMap((line) => this.datasets(line));
    const seen = this.board.seen(this.kind.over);
    for (const scale of Object.values(this.chart.options.scales)) scale.display = lines.length > 0;
    this.chart.options.scales.x.min = seen?.from;
    this.chart.options.scales.x.max = seen?.to;
    this.chart.update('none');
  }

  datasets(line) {
    const tone = color(line.color);
    const main = {label: line.label, data: line.points, borderColor: tone, backgroundColor: tone};
    const diamond = {showLine: false, pointRadius: 6, pointStyle: 'rectRot', borderColor: color('panel')};
    if (line.mark) return [{...main, ...diamond}];
    if (line.apart) return [{...main, borderDash: [6, 4], stack: 'apart', fill: false}];
    const area = {backgroundColor: `${tone}b0`, borderWidth: 1, fill: 'stack', stack: 'all'};
    if (this.kind.stacked) return [{...main, ...area}];
    if (!line.band) return [main];
    const edge = {borderWidth: 0, silent: true, label: '', backgroundColor: `${tone}30`};
    return [
      {...edge, data: points(line.series, 'least'), fill: false},
      {...edge, data: points(line.series, 'most'), fill: '-1'},
      {...main, borderWidth: 1, borderColor: `${tone}90`},
    ];
  }

  draw_legend(lines) {
    const legend = this.root.querySelector('.legend');
    const entries = [...new Map(lines.map((line) => [line.name, line])).values()];
    const signature = JSON.stringify(entries.map((line) => [line.name, line.button, line.color]));
    if (legend.dataset.signature === signature) return;
    legend.dataset.signature = signature;
    legend.replaceChildren(...(entries.length > 1 ? entries : []).map((line) => this.legend_button(line)));
  }

  legend_button(line) {
    const button = element('button', null, {type: 'button', 'aria-pressed': !this.hidden.has(line.name)});
    const swatch = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    swatch.setAttribute('aria-hidden', 'true');
    rect.setAttribute('width', '14');
    rect.setAttribute('height', '10');
    rect.style.fill = `var(--${line.color})`;
    swatch.append(rect);
    button.append(swatch, element('span', line.button));
    button.addEventListener('click', () => {
      const hide = !this.hidden.has(line.name);
      if (hide) this.hidden.add(line.name); else this.hidden.delete(line.name);
      button.setAttribute('aria-pressed', !hide);
      this.draw();
    });
    return button;
  }

  // The chart in a sentence, for those who do not see it.
  describe(lines) {
    const {title, over, format} = this.kind;
    const told = lines.filter((line) => !line.mark).map((line) => {
      const first = line.points[0], last = line.points[line.points.length - 1];
      const [from, to] = [first, last].map((point) => `${format(point.y)} at ${place(over, point.x)}`);
      return `${line.label}: ${from}, ${to}`;
    });
    this.canvas.setAttribute('aria-label', `${title}. ${told.join('; ') || 'Nothing yet'}.`);
  }

  fill_table(lines = this.lines()) {
    if (!this.root.querySelector('details').open) return;
    const {over, format} = this.kind;
    const rows = new Map();
    lines.forEach((line, i) => {
      const every = Math.ceil(line.points.length / TABLE_ROWS);
      const last = line.points.length - 1;
      line.points.forEach((point, j) => {
        if ((last - j) % every !== 0) return;
        if (!rows.has(point.x)) rows.set(point.x, lines.map(() => ''));
        rows.get(point.x)[i] = format(point.y);
      });
    });
    const head = element('tr');
    head.append(element('th', over === 'steps' ? 'step' : 'time', {scope: 'col'}),
                ...lines.map((line) => element('th', line.label, {scope: 'col'})));
    const body = [...rows.keys()].sort((a, b) => b - a).map((x) => {
      const row = element('tr');
      row.append(element('th', place(over, x), {scope: 'row'}), ...rows.get(x).map((text) => element('td', text)));
      return row;
    });
    this.root.querySelector('table').replaceChildren(head, ...body);
  }

  paint() {
    if (!this.chart) return;
    for (const scale of Object.values(this.chart.options.scales)) {
      scale.grid.color = color('grid');
      scale.ticks.color = color('dim');
    }
    this.draw();
  }

  watch_keys() {
    const nearer = [0.25, 0.75];  // from where to where of what is seen
    const moves = {'+': nearer, '=': nearer, '-': [-0.5, 1.5], ArrowLeft: [-0.25, 0.75], ArrowRight: [0.25, 1.25]};
    this.canvas.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = moves[event.key];
      if (!move && event.key !== 'Home' && event.key !== '0') return;
      event.preventDefault();
      if (move) this.board.move(this.kind.over, ...move); else this.board.look(this.kind.over, null);
    });
  }

  watch_pointer() {
    let from = null;
    const x_of = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    const end = () => { from = null; this.selection.hidden = true; };
    this.canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.chart) return;
      from = x_of(event);
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (from === null) return;
      this.selection.hidden = false;
      this.selection.style.left = `${Math.min(from, x_of(event))}px`;
      this.selection.style.width = `${Math.abs(x_of(event) - from)}px`;
    });
    this.canvas.addEventListener('pointerup', (event) => {
      const to = x_of(event);
      if (from !== null && Math.abs(to - from) > 8) {
        const [a, b] = [from, to].sort((p, q) => p - q).map((x) => this.chart.scales.x.getValueForPixel(x));
        this.board.look(this.kind.over, {from: a, to: b});
      }
      end();
    });
    this.canvas.addEventListener('pointercancel', end);
    this.canvas.addEventListener('dblclick', () => this.board.look(this.kind.over, null));
  }
}

// All charts, with what they share: the runs, the ranges looked at, what the server told of them.
export class ChartBoard {
  // `ask`: called when what is seen has changed, to have the series told anew.
  constructor(root, ask) {
    this.root = root;
    this.ask = ask;
    this.runs = [];
    this.chosen = 0;
    this.range = {steps: null, time: null};  // null: the whole
    this.told = {steps: [], time: []};       // a run
    this.panels = KINDS.map((kind) => new ChartPanel(kind, this));
  }

  points() { return Math.max(100, Math.min(400, Math.round(this.root.clientWidth / 3))); }

  // From first to last of all runs that are shown.
  extent(over) {
    const shown = over === 'steps' ? this.told.steps : [this.told.time[this.chosen]];
    const told = shown.filter((t) => t && t.last > t.first);
    if (!told.length) return null;
    return {from: Math.min(...told.map((t) => t.first)), to: Math.max(...told.map((t) => t.last))};
  }

  seen(over) { return this.range[over] ?? this.extent(over); }

  look(over, range) {
    const whole = this.extent(over);
    if (range && whole) {
      const width = Math.max(range.to - range.from, NARROWEST[over]);
      const from = Math.max(whole.from, Math.min(range.from, whole.to - width));
      range = {from, to: Math.min(whole.to, from + width)};
      if (range.from <= whole.from && range.to >= whole.to) range = null;
    }
    this.range[over] = whole ? range : null;
    this.draw();
    this.ask();
  }

  // To what lies between two parts of what is seen.
  move(over, first, last) {
    const seen = this.seen(over);
    if (!seen) return;
    const width = seen.to - seen.from;
    this.look(over, {from: seen.from + first * width, to: seen.from + last * width});
  }

  why_empty(id) {
    const missing = this.runs[this.chosen]?.measures.power_missing;
    return id === 'power' && missing ? `Not available: ${missing}` : 'Nothing yet';
  }

  draw() { for (const panel of this.panels) panel.draw(); }
  paint() { for (const panel of this.panels) panel.paint(); }
}
