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
