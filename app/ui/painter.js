// A mask painted over a picture. `props.picture` is what lies under it; `props.value` is the mask,
// a PNG whose touched pixels are not transparent, set here after each stroke and by the server.
const find = (name) => element.querySelector(`[data-part=${name}]`);
const [sheet, under, canvas, ring, size] =
  ['sheet', 'under', 'canvas', 'ring', 'size'].map(find);
const brush = canvas.getContext('2d', {willReadFrequently: true});
const UNDOS = 30;
let past = [], future = [], erasing = false, last = null, shown = '';

const draw = (mask) => {
  shown = mask;
  if (!mask) { brush.clearRect(0, 0, canvas.width, canvas.height); return; }
  const layer = new Image();
  layer.onload = () => {
    if (mask !== shown) return;
    brush.globalCompositeOperation = 'copy';
    brush.drawImage(layer, 0, 0);
    brush.globalCompositeOperation = 'source-over';
  };
  layer.src = mask;
};
const tools = () => {
  find('paint').setAttribute('aria-pressed', !erasing);
  find('erase').setAttribute('aria-pressed', erasing);
  find('undo').disabled = !past.length;
  find('redo').disabled = !future.length;
};
const settle = (mask) => {  // the mask is another now
  past = [...past.slice(1 - UNDOS), shown];
  future = [];
  shown = mask;
  props.value = mask;
  tools();
};
const step = (from, to) => {
  if (!from.length) return;
  to.push(shown);
  draw(from.pop());
  props.value = shown;
  tools();
};
const take = () => {  // what the server has set
  if (under.getAttribute('src') !== props.picture) {
    past = []; future = []; shown = '';
    under.onload = () => {
      canvas.width = under.naturalWidth;
      canvas.height = under.naturalHeight;
      sheet.style.setProperty('--shape', canvas.width / canvas.height);
      draw(props.value || '');
      sheet.dataset.ready = 'yes';
    };
    delete sheet.dataset.ready;
    under.src = props.picture;
  } else if ((props.value || '') !== shown) {
    past.push(shown);
    future = [];
    draw(props.value || '');
  }
  tools();
};

const point = (event) => {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return {x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale, scale};
};
const stroke = (event) => {
  const to = point(event), from = last ?? to;
  const width = size.value * to.scale;
  brush.globalCompositeOperation = erasing ? 'destination-out' : 'source-over';
  brush.strokeStyle = brush.fillStyle = sheet.dataset.paint;
  brush.lineCap = 'round';
  brush.lineWidth = width;
  brush.beginPath();
  brush.moveTo(from.x, from.y);
  brush.lineTo(to.x, to.y);
  brush.stroke();
  brush.beginPath();
  brush.arc(to.x, to.y, width / 2, 0, 2 * Math.PI);
  brush.fill();
  last = to;
};
const follow = (event) => {
  const box = sheet.getBoundingClientRect();
  ring.style.width = ring.style.height = `${size.value}px`;
  ring.style.left = `${event.clientX - box.left}px`;
  ring.style.top = `${event.clientY - box.top}px`;
};
canvas.addEventListener('pointerdown', (event) => {
  if (event.button || !sheet.dataset.ready) return;
  canvas.setPointerCapture(event.pointerId);
  stroke(event);
});
canvas.addEventListener('pointermove', (event) => {
  follow(event);
  if (last) (event.getCoalescedEvents?.() ?? [event]).forEach(stroke);
});
for (const end of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(end, () => {
    if (last) settle(canvas.toDataURL('image/png'));
    last = null;
  });
}

find('paint').onclick = () => { erasing = false; tools(); };
find('erase').onclick = () => { erasing = true; tools(); };
find('undo').onclick = () => step(past, future);
find('redo').onclick = () => step(future, past);
find('large').onclick = () =>
  document.fullscreenElement ? document.exitFullscreen() : find('all').requestFullscreen();
find('all').addEventListener('keydown', (event) => {
  const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z';
  if (undo) event.shiftKey ? step(future, past) : step(past, future);
  else if (event.key === '[') size.value = size.value / 1.25;
  else if (event.key === ']') size.value = Math.max(+size.value + 1, size.value * 1.25);
  else return;
  event.preventDefault();
});
watch(['picture', 'value'], take);
if (props.picture) take();
tools();
