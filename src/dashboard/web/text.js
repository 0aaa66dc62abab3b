// Numbers and elements as text. Whatever comes from a run is set as text, never as markup.

export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

// Four digits or so, with thousands apart.
export function number(value) {
  if (!known(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(2);
  return value.toLocaleString('en', size >= 1000 ? {maximumFractionDigits: 0} : {maximumSignificantDigits: 4});
}

export const count = (value) => known(value) ? value.toLocaleString('en') : '–';

export function bytes(value) {
  if (!known(value)) return '–';
  return value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(2)} GiB` : `${(value / 2 ** 20).toFixed(1)} MiB`;
}

export function seconds(value) {
  if (!known(value)) return '–';
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

export const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString('en', {hour12: false});

export function parameters(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : count(value);
}
