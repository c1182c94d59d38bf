() => {
  // Light or dark, as chosen last.
  const chosen = localStorage.getItem('fieldfit-theme');
  const asked = new URLSearchParams(location.search).has('__theme');
  if (chosen && !asked) document.body.classList.toggle('dark', chosen === 'dark');
  document.addEventListener('click', (event) => {
    if (!event.target.closest('#theme')) return;
    const dark = document.body.classList.toggle('dark');
    localStorage.setItem('fieldfit-theme', dark ? 'dark' : 'light');
  });

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });

  // A line across the charts at the time that the pointer, or the slider below the pictures, is at.
  const line = (work, seconds) => {
    for (const chart of work.querySelectorAll('.ff-charts svg[data-time]')) {
      const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
      const share = Math.log(seconds / low) / Math.log(high / low);
      const now = chart.querySelector('.now'), seen = share >= 0 && share <= 1;
      now.setAttribute('visibility', seen ? 'visible' : 'hidden');
      if (seen) now.setAttribute('transform', `translate(${start + share * (end - start)} 0)`);
    }
  };
  const tabOf = (piece) => piece.closest('.ff-work');
  const scrubbed = (work) => Number(work.querySelector('.ff-tiles[data-at]')?.dataset.at ?? 0);
  document.addEventListener('pointermove', (event) => {
    const chart = event.target.closest?.('.ff-work .ff-charts svg[data-time]');
    if (!chart) return;
    const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
    const box = chart.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    line(tabOf(chart), low * (high / low) ** ((x - start) / (end - start)));
  });
  document.addEventListener('pointerout', (event) => {
    const work = event.target.closest?.('.ff-charts svg') && tabOf(event.target);
    if (work) line(work, scrubbed(work));
  });
  document.addEventListener('input', (event) => {
    const work = event.target.closest('.ff-scrub') && tabOf(event.target);
    if (!work) return;
    const seen = new MutationObserver(() => line(work, scrubbed(work)));
    for (const tiles of work.querySelectorAll('.ff-stage, .ff-viewer')) {
      seen.observe(tiles, {subtree: true, attributes: true});
    }
    setTimeout(() => seen.disconnect(), 2000);
  });

  // Holding a picture shows the photo it is to become.
  const truth = document.body.appendChild(document.createElement('img'));
  truth.className = 'ff-truth';
  truth.alt = '';
  document.addEventListener('pointerdown', (event) => {
    const frame = event.target.closest('.ff-tile .ff-frame:not(.ff-turn)');
    const source = frame && tabOf(frame)?.querySelector('.ff-target img')?.src;
    if (!frame || !source) return;
    const box = frame.getBoundingClientRect();
    truth.src = source;
    Object.assign(truth.style, {
      display: 'block', left: `${box.left}px`, top: `${box.top}px`,
      width: `${box.width}px`, height: `${box.height}px`,
    });
  });
  for (const end of ['pointerup', 'pointercancel', 'scroll']) {
    document.addEventListener(end, () => { truth.style.display = 'none'; }, true);
  }

  // A file that is pasted, or dropped anywhere on the page, is taken like one that is chosen in the
  // tab that is seen.
  const take = (files) => {
    const input = [...document.querySelectorAll('.ff-upload input[type=file]')]
      .find((one) => one.closest('.ff-panel')?.offsetParent);
    const file = [...(files ?? [])].find((f) => input?.closest('#upload')
      ? f.type.startsWith('image/') : true);
    if (!file || !input) return false;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
    return true;
  };
  document.addEventListener('paste', (event) => take(event.clipboardData?.files));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (event.target.closest('.ff-upload')) return;
    event.preventDefault();
    take(event.dataTransfer?.files);
  });
}
