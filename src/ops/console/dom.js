// Small tools to draw with: text is only ever set as text.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; `class` and `text` are attributes too. */
export function make(tag, attributes = {}, ...children) {
  const element = tag === 'svg' || tag === 'path' || tag === 'rect' || tag === 'text' || tag === 'title'
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') element.textContent = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** Sets a text only if it changed: what is not touched is not drawn again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Draws at most once per frame of the screen. */
export function onNextFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

/** Shows the sentence for an empty list, and hides it when there is something. */
export function showEmpty(id, isEmpty) {
  byId(id).hidden = !isEmpty;
}
