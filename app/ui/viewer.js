// Points and meshes that can be turned. `props.value` is JSON: `at`, the time that is looked back to,
// and `views`: of each its `name`, `title`, `detail`, `paint`, where the scene is to be fetched (`src`, as `Scene.encode` writes it;
// empty for none), the `zoom` at which it fills the view, a `still` picture for while there is no
// scene, or no WebGL, what to say if there is `nothing`, and the `share` and `step` of its fit.
// All views of the page share one camera, and those of an element one WebGL context.
const grid = element.querySelector('[data-part=views]');
const AWAY = 6, WHOLE = 2.4, SHARP = 2, KEPT = 48;
const CLAY = [0.60, 0.585, 0.565], INK = [0.20, 0.31, 0.50];  // linear light: of meshes, of points
const START = {azimuth: 30, elevation: 20, zoom: 1, x: 0, y: 0};
const camera = window.fieldfitCamera ??= {...START, up: 'y'};
const sheet = document.createElement('canvas');
const gl = sheet.getContext('webgl2', {antialias: true});

// --- what the graphics card does: the studio light of the engine's own pictures ---
const VERTEX = `#version 300 es
uniform mat3 axes; uniform vec2 half_; uniform vec2 shift; uniform float wide; uniform bool painted; uniform vec3 own;
layout(location=0) in vec3 place; layout(location=1) in vec3 normal; layout(location=2) in vec3 paint;
out vec3 at, facing, base;
void main() {
  vec3 p = place * 2.0 - 1.0;
  at = p * axes;
  facing = normal * axes;
  base = painted ? pow(paint, vec3(2.2)) : own;
  float away = ${AWAY}.0 - at.z;
  gl_Position = vec4(at.xy * ${AWAY}.0 / half_ + shift * away, (away - ${AWAY}.0) / 2.0 * away, away);
  gl_PointSize = wide * ${AWAY}.0 / away;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
uniform bool dots;
in vec3 at, facing, base; out vec4 colour;
float lit(vec3 n, vec3 to) { return max(dot(n, normalize(to)), 0.0); }
void main() {
  vec3 n = normalize(facing + 1e-9), own = base;
  if (dots) {
    if (length(gl_PointCoord - 0.5) > 0.5) discard;
    if (n.z < 0.0) n = -n;
  } else {
    vec3 level = normalize(cross(dFdx(at), dFdy(at)));
    if (dot(n, level) < 0.0) level = -level;
    if (dot(n, level) < 0.85) n = level;  // an edge of the shape, which is to stay sharp
    if (dot(n, vec3(0, 0, ${AWAY}.0) - at) < 0.0) { n = -n; own = vec3(0.62, 0.26, 0.16); }  // inside
  }
  vec3 light = mix(vec3(0.09, 0.08, 0.075), vec3(0.24, 0.26, 0.29), (n.y + 1.0) / 2.0)
    + lit(n, vec3(-0.60, 0.75, 0.55)) * vec3(1.25, 1.20, 1.12)
    + lit(n, vec3(0.85, 0.05, 0.50)) * vec3(0.13, 0.15, 0.19)
    + lit(n, vec3(0.35, 0.55, -0.80)) * vec3(0.45, 0.47, 0.52);
  float shine = dots ? 0.0 : 0.07 * pow(lit(n, normalize(vec3(-0.60, 0.75, 0.55)) + vec3(0, 0, 1)), 24.0);
  colour = vec4(pow(own * light + shine, vec3(1.0 / 2.2)), 1);
}`;
let program, uniforms, scenes = new Map();
const start = () => {
  program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw gl.getProgramInfoLog(program);
  uniforms = Object.fromEntries(['axes', 'half_', 'shift', 'wide', 'painted', 'own', 'dots'].map(
    (name) => [name, gl.getUniformLocation(program, name)]));
  gl.useProgram(program);
  gl.enable(gl.DEPTH_TEST);
};
const hold = (bytes) => {
  const [points, triangles, painted] = new Uint32Array(bytes, 0, 3);
  const scene = {points, triangles, painted, buffers: [], array: gl.createVertexArray()};
  const buffer = (target, data) => {
    scene.buffers.push(gl.createBuffer());
    gl.bindBuffer(target, scene.buffers.at(-1));
    gl.bufferData(target, data, gl.STATIC_DRAW);
  };
  gl.bindVertexArray(scene.array);
  let from = 16;
  const kinds = [[gl.UNSIGNED_SHORT, 8], [gl.BYTE, 4], [gl.UNSIGNED_BYTE, 4]];
  kinds.slice(0, painted ? 3 : 2).forEach(([kind, size], place) => {
    buffer(gl.ARRAY_BUFFER, new Uint8Array(bytes, from, size * points));
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 3, kind, true, size, 0);
    from += size * points;
  });
  if (triangles) buffer(gl.ELEMENT_ARRAY_BUFFER, new Uint8Array(bytes, from));
  gl.bindVertexArray(null);
  return scene;
};
const load = (src) => {  // a promise of a scene; the latest are kept
  if (!scenes.has(src)) {
    scenes.set(src, fetch(src).then((reply) => {
      if (!reply.ok) throw reply.status;
      return reply.arrayBuffer();
    }).then(hold).catch(() => { scenes.delete(src); return null; }));
  }
  const wanted = scenes.get(src), shown = new Set([...views.values()].map((v) => v.src));
  scenes.delete(src);
  scenes.set(src, wanted);
  for (const old of [...scenes.keys()].slice(0, Math.max(0, scenes.size - KEPT))) {
    if (shown.has(old)) continue;
    scenes.get(old).then((scene) => {
      scene?.buffers.forEach((b) => gl.deleteBuffer(b));
      if (scene) gl.deleteVertexArray(scene.array);
    });
    scenes.delete(old);
  }
  return wanted;
};

// --- the views ---
const views = new Map();
const part = (view, name) => view.figure.querySelector(`[data-part=${name}]`);
const create = (name) => {
  const figure = document.createElement('figure');
  figure.className = 'ff-tile';
  figure.dataset.method = name;
  figure.innerHTML = '<div class="ff-frame ff-turn"><canvas tabindex="0" role="img" '
    + 'title="Drag to turn. Click, then scroll to come nearer. Double-click to begin again."></canvas>'
    + '<img data-part="still" alt=""><span data-part="note"></span></div>'
    + '<div class="ff-bar"><i data-part="bar"></i></div><figcaption><span class="ff-dot"></span><span><b '
    + 'data-part="title"></b><small data-part="detail"></small></span></figcaption>';
  const canvas = figure.querySelector('canvas');
  const view = {figure, canvas, brush: canvas.getContext('2d'), scene: null, src: '', zoom: 1};
  views.set(name, view);
  turning(canvas);
  sized.observe(canvas);
  return view;
};
const say = (view, text, still = '') => {
  part(view, 'note').textContent = text;
  const image = part(view, 'still');
  image.hidden = !still;
  if (still && image.src !== still) image.src = still;
};
const fill = (view, {title, detail, paint, src, zoom, still, nothing, share, step}) => {
  part(view, 'title').textContent = title;
  part(view, 'detail').textContent = detail;
  view.figure.style.setProperty('--paint', paint);
  view.canvas.setAttribute('aria-label', `${title}, to be turned with the mouse or the arrow keys`);
  Object.assign(view, {src, zoom});
  view.figure.dataset.step = step;
  part(view, 'bar').parentNode.style.visibility = share === null ? 'hidden' : 'visible';
  part(view, 'bar').style.width = `${100 * (share ?? 0)}%`;
  if (!gl) return say(view, still ? '' : 'This browser has no WebGL 2 to show it with.', still);
  if (!src) { view.scene = null; say(view, still ? '' : nothing, still); return draw(); }
  load(src).then((scene) => {
    if (view.src !== src) return;
    view.scene = scene;
    say(view, scene ? '' : 'The server no longer has this.');
    draw();
  });
};
const take = () => {
  const {views: wanted, at} = JSON.parse(props.value);
  if (at === null) delete grid.dataset.at; else grid.dataset.at = at;
  for (const [name, view] of views) {
    if (wanted.some((one) => one.name === name)) continue;
    sized.unobserve(view.canvas);
    view.figure.remove();
    views.delete(name);
  }
  for (const one of wanted) {
    const view = views.get(one.name) ?? create(one.name);
    grid.append(view.figure);
    fill(view, one);
  }
  const across = {1: 1, 2: 2, 3: 3, 4: 2}[wanted.length] ?? 3;
  grid.style.setProperty('--across', across);
};

// --- drawing, once for each frame of the browser at most ---
let due = 0;
const draw = () => { due ||= requestAnimationFrame(() => { due = 0; views.forEach(paint); }); };
const axes = () => {
  const a = camera.azimuth * Math.PI / 180, e = camera.elevation * Math.PI / 180;
  const rows = [[Math.cos(a), 0, -Math.sin(a)],
    [-Math.sin(a) * Math.sin(e), Math.cos(e), -Math.cos(a) * Math.sin(e)],
    [Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)]];
  return (camera.up === 'y' ? rows : rows.map(([x, y, z]) => [x, -z, y])).flat();
};
const paint = (view) => {
  const {canvas, brush, scene} = view;
  const scale = Math.min(devicePixelRatio, SHARP);
  const w = Math.round(canvas.clientWidth * scale), h = Math.round(canvas.clientHeight * scale);
  if (!gl || !w || !h) return;
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  brush.clearRect(0, 0, w, h);
  canvas.dataset.triangles = scene?.triangles ?? 0;
  canvas.dataset.points = scene?.points ?? 0;
  if (!scene) return;
  if (sheet.width < w || sheet.height < h) {
    sheet.width = Math.max(sheet.width, w);
    sheet.height = Math.max(sheet.height, h);
  }
  const half = WHOLE / 2 / view.zoom / camera.zoom, least = Math.min(w, h);
  gl.viewport(0, sheet.height - h, w, h);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.uniformMatrix3fv(uniforms.axes, false, axes());
  gl.uniform2f(uniforms.half_, half * w / least, half * h / least);
  gl.uniform2f(uniforms.shift, camera.x * least / w, camera.y * least / h);
  gl.uniform1f(uniforms.wide,
    Math.max(1.6, 0.85 * least * Math.sqrt(camera.zoom) / Math.sqrt(Math.max(scene.points, 500))));
  gl.uniform1i(uniforms.painted, scene.painted);
  gl.uniform3fv(uniforms.own, scene.triangles ? CLAY : INK);
  gl.uniform1i(uniforms.dots, !scene.triangles);
  gl.bindVertexArray(scene.array);
  if (scene.triangles) gl.drawElements(gl.TRIANGLES, 3 * scene.triangles, gl.UNSIGNED_INT, 0);
  else gl.drawArrays(gl.POINTS, 0, scene.points);
  gl.bindVertexArray(null);
  brush.drawImage(sheet, 0, 0, w, h, 0, 0, w, h);
};
const sized = new ResizeObserver(draw);

// --- turning ---
const moved = () => {
  camera.elevation = Math.min(90, Math.max(-90, camera.elevation));
  camera.zoom = Math.min(30, Math.max(0.3, camera.zoom));
  document.dispatchEvent(new Event('fieldfit-turn'));
};
document.addEventListener('fieldfit-turn', draw);
const turning = (canvas) => {
  const fingers = new Map();
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  });
  canvas.addEventListener('pointermove', (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
    const side = Math.min(canvas.clientWidth, canvas.clientHeight);
    fingers.set(event.pointerId, event);
    if (fingers.size > 1) {
      const [a, b] = [...fingers.values()];
      const other = a.pointerId === event.pointerId ? b : a;
      const gap = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY);
      camera.zoom *= gap(event) / Math.max(gap(last), 1);
      camera.elevation += 90 * dy / side;
    } else if (event.shiftKey || event.buttons & 6) {
      camera.x += 2 * dx / side;
      camera.y -= 2 * dy / side;
    } else {
      camera.azimuth -= 240 * dx / side;
      camera.elevation += 240 * dy / side;
    }
    moved();
  });
  for (const end of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('dblclick', () => { Object.assign(camera, START); moved(); });
  canvas.addEventListener('wheel', (event) => {
    if (document.activeElement !== canvas) return;  // the page scrolls until a view is chosen
    event.preventDefault();
    camera.zoom *= Math.exp(-event.deltaY / 500);
    moved();
  }, {passive: false});
  canvas.addEventListener('keydown', (event) => {
    const step = {ArrowLeft: [8, 0], ArrowRight: [-8, 0], ArrowUp: [0, 8], ArrowDown: [0, -8]};
    if (event.key in step) {
      camera.azimuth += step[event.key][0];
      camera.elevation += step[event.key][1];
    } else if ('+='.includes(event.key)) camera.zoom *= 1.15;
    else if (event.key === '-') camera.zoom /= 1.15;
    else return;
    event.preventDefault();
    moved();
  });
};
element.querySelector('[data-part=up]').onclick = () => {
  camera.up = camera.up === 'y' ? 'z' : 'y';
  moved();
};
element.querySelector('[data-part=begin]').onclick = () => { Object.assign(camera, START); moved(); };
sheet.addEventListener('webglcontextlost', (event) => event.preventDefault());
sheet.addEventListener('webglcontextrestored', () => { scenes = new Map(); start(); take(); });

if (gl) start();
watch('value', take);
take();
