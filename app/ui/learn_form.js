// A widget for each knob. `props.value` is JSON [{name, label, help, kind, value, ...}], set by the
// server and, with the values alone changed, here.
const PLACES = 1000;
const body = element.querySelector('[data-part=form]');
const prefix = `knob-${Math.random().toString(36).slice(2)}`;  // of the widgets' ids
let rows = [], sent = '';

const node = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const settle = (row, value) => {
  if (row.value === String(value)) return;
  row.value = String(value);
  sent = JSON.stringify(rows);
  props.value = sent;
  trigger('input');
};
const place = (row) => {
  const share = row.powers ? Math.log(row.value / row.low) / Math.log(row.high / row.low)
    : (row.value - row.low) / (row.high - row.low);
  return Math.round(PLACES * Math.min(1, Math.max(0, share)));
};
const at = (row, spot) => {
  const share = spot / PLACES;
  const value = row.powers ? row.low * (row.high / row.low) ** share
    : row.low + share * (row.high - row.low);
  return row.whole ? Math.round(value) : Number(value.toPrecision(row.powers ? 2 : 3));
};
const numeric = (row, id) => {
  const box = node('input', {
    type: 'number', value: row.value, step: row.whole ? 1 : 'any', id,
    ...(row.low === null ? {} : {min: row.low}), ...(row.high === null ? {} : {max: row.high}),
  });
  box.onchange = () => { settle(row, box.value); };
  if (row.kind !== 'slider') return [box];
  const slider = node('input', {
    type: 'range', min: 0, max: PLACES, value: place(row), 'aria-label': row.label,
  });
  slider.oninput = () => { box.value = at(row, slider.value); };
  slider.onchange = () => settle(row, at(row, slider.value));
  box.oninput = () => { slider.value = place({...row, value: box.value}); };
  return [slider, box];
};
const choice = (row, id) => {
  const options = row.choices.map((name) =>
    node('option', {value: name, ...(name === row.value ? {selected: ''} : {})}, name));
  const select = node('select', {id}, ...options);
  select.onchange = () => settle(row, select.value);
  return [select];
};
const words = (row, id) => {
  const box = node('input', {type: 'text', value: row.value, spellcheck: false, id});
  box.onchange = () => settle(row, box.value);
  return [box];
};
const draw = () => {
  if (props.value === sent) return;  // our own
  sent = props.value;
  rows = JSON.parse(props.value || '[]');
  body.replaceChildren(...rows.map((row) => {
    const id = `${prefix}-${row.name}`;
    const widget = {choice, text: words}[row.kind] ?? numeric;
    return node('div', {class: 'ff-field', 'data-kind': row.kind, 'data-name': row.name},
      node('label', {for: id}, row.label), node('span', {}, ...widget(row, id)),
      node('small', {}, row.help));
  }));
};
watch('value', draw);
draw();
