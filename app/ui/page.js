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
  const line = (seconds) => {
    for (const chart of document.querySelectorAll('#charts svg[data-time]')) {
      const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
      const share = Math.log(seconds / low) / Math.log(high / low);
      const now = chart.querySelector('.now'), seen = share >= 0 && share <= 1;
      now.setAttribute('visibility', seen ? 'visible' : 'hidden');
      if (seen) now.setAttribute('transform', `translate(${start + share * (end - start)} 0)`);
    }
  };
  const scrubbed = () => Number(document.querySelector('#tiles [data-at]')?.dataset.at ?? 0);
  document.addEventListener('pointermove', (event) => {
    const chart = event.target.closest?.('#charts svg[data-time]');
    if (!chart) return;
    const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
    const box = chart.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    line(low * (high / low) ** ((x - start) / (end - start)));
  });
  document.addEventListener('pointerout', (event) => {
    if (event.target.closest?.('#charts svg')) line(scrubbed());
  });
  document.addEventListener('input', (event) => {
    if (!event.target.closest('#scrub')) return;
    const seen = new MutationObserver(() => line(scrubbed()));
    seen.observe(document.querySelector('#tiles'), {subtree: true, attributes: true});
    setTimeout(() => seen.disconnect(), 2000);
  });

  // Holding a picture shows the photo it is to become.
  const truth = document.body.appendChild(document.createElement('img'));
  truth.className = 'ff-truth';
  truth.alt = '';
  document.addEventListener('pointerdown', (event) => {
    const frame = event.target.closest('.ff-tile .ff-frame');
    const source = document.querySelector('#truth img')?.src;
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

  // A picture that is pasted, or dropped anywhere on the page, is taken like one that is chosen.
  const take = (files) => {
    const file = [...(files ?? [])].find((f) => f.type.startsWith('image/'));
    const input = document.querySelector('#upload input[type=file]');
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
    if (event.target.closest('#upload')) return;
    event.preventDefault();
    take(event.dataTransfer?.files);
  });
}
