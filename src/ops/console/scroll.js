// Tables that are wider than their card fade at the edge: a figure that is cut off there must not be read as a whole one.

function look(box) {
  box.classList.toggle('more', box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
}

export function startScroll() {
  const seen = new ResizeObserver((changes) => changes.forEach(({ target }) => look(target.closest('.scroll'))));
  for (const box of document.querySelectorAll('.scroll')) {
    box.addEventListener('scroll', () => look(box), { passive: true });
    seen.observe(box);
    seen.observe(box.querySelector('table'));
  }
}
