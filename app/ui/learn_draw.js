// A line drawn by hand. `props.value` holds its values, two letters of base 64 each, set here after
// each stroke and by the server.
const pad = element.querySelector('.ff-pad'), canvas = pad.querySelector('canvas');
const hint = pad.querySelector('[data-part=hint]'), clear = pad.querySelector('[data-part=clear]');
const POINTS = +pad.dataset.points, LEVELS = +pad.dataset.levels;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const pen = canvas.getContext('2d');
let values = new Array(POINTS).fill(null), last = null, sent = null;

const draw = () => {
  const {width, height} = canvas;
  pen.clearRect(0, 0, width, height);
  pen.strokeStyle = getComputedStyle(pad).color;
  pen.lineWidth = 1;
  pen.globalAlpha = 0.25;
  pen.beginPath();
  pen.moveTo(0, height / 2);
  pen.lineTo(width, height / 2);
  pen.stroke();
  pen.globalAlpha = 1;
  pen.lineWidth = 3;
  pen.lineJoin = 'round';
  pen.beginPath();
  values.forEach((value, i) => {
    if (value !== null) pen.lineTo((i + 0.5) / POINTS * width, (1 - value) / 2 * height);
  });
  pen.stroke();
  hint.hidden = values.some((value) => value !== null);
};
const filled = () => {  // what was left out lies on straight lines between what was drawn
  const known = values.flatMap((value, i) => value === null ? [] : [i]);
  return values.map((value, i) => {
    if (value !== null) return value;
    const left = known.findLast((k) => k < i), right = known.find((k) => k > i);
    if (left === undefined) return values[right];
    if (right === undefined) return values[left];
    return values[left] + (i - left) / (right - left) * (values[right] - values[left]);
  });
};
const settle = () => {
  values = filled();
  sent = values.map((value) => {
    const level = Math.round((value + 1) / 2 * LEVELS);
    return LETTERS[level >> 6] + LETTERS[level & 63];
  }).join('');
  props.value = sent;
  draw();
  trigger('input');
};
const take = () => {  // what the server has set
  if (props.value === sent) return;
  sent = props.value || '';
  values = values.map((_, i) => sent.length === 2 * POINTS
    ? (LETTERS.indexOf(sent[2 * i]) * 64 + LETTERS.indexOf(sent[2 * i + 1])) / LEVELS * 2 - 1
    : null);
  draw();
};
const point = (event) => {
  const box = canvas.getBoundingClientRect();
  const at = Math.floor((event.clientX - box.left) / box.width * POINTS);
  const value = 1 - 2 * (event.clientY - box.top) / box.height;
  return [Math.min(POINTS - 1, Math.max(0, at)), Math.min(1, Math.max(-1, value))];
};
const stroke = (event) => {
  const [at, value] = point(event), [from, before] = last ?? [at, value];
  const step = Math.sign(at - from) || 1;
  for (let i = from; i !== at + step; i += step) {
    values[i] = at === from ? value : before + (i - from) / (at - from) * (value - before);
  }
  last = [at, value];
  draw();
};
canvas.addEventListener('pointerdown', (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  last = null;
  stroke(event);
});
canvas.addEventListener('pointermove', (event) => {
  if (last) (event.getCoalescedEvents?.() ?? [event]).forEach(stroke);
});
for (const end of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(end, () => {
    if (last) settle();
    last = null;
  });
}
clear.onclick = () => {
  values.fill(null);
  sent = '';
  props.value = '';
  draw();
  trigger('input');
};
watch('value', take);
take();
draw();
