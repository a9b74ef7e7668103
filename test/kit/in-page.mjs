// Runs in the browser, within the page that is tested.
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

globalThis.inPage = {
  /** Milliseconds from each step to the frame after the one that shows it. */
  async measured(kind, steps) {
    const took = [];
    for (const step of steps) {
      await frame();
      const began = performance.now();
      if (kind === 'scroll') document.querySelector('.scroll').scrollTop = step;
      else if (kind === 'sort') document.querySelectorAll('[role=columnheader] button')[step].click();
      else {
        const input = document.querySelector('input[type=search]');
        input.value = step;
        input.dispatchEvent(new InputEvent('input', { bubbles: true }));
      }
      await frame();
      await frame();
      took.push(performance.now() - began);
      if (kind === 'scroll' && globalThis.inPage.inTheMiddle() === undefined)
        throw new Error(`a gap at ${step}`);
    }
    return took;
  },

  /** The name in the line that is drawn in the middle of the table, or undefined where a gap is. */
  inTheMiddle() {
    const { left, top, height } = document.querySelector('.scroll').getBoundingClientRect();
    const line = document.elementFromPoint(left + 20, top + height / 2)?.closest('.row');
    return line?.querySelector('[role=rowheader]')?.textContent;
  },

  /** What became of bait. */
  found(bait) {
    const text = document.body.textContent;
    return {
      made: document.querySelectorAll('#page :is(img, script, b, i, u, s)').length,
      caught: 'caught' in globalThis,
      title: document.title,
      times: text.split(bait).length - 1,
      turned: text.includes('\u001b') || text.includes('\u202e'),
    };
  },

  /** Texts that are wider than the box that they stand in. */
  outside(selector) {
    return [...document.querySelectorAll(selector)].flatMap((text) => {
      const box = text.closest('.box')?.querySelector('rect')?.getBoundingClientRect();
      const { left, right, bottom } = text.getBoundingClientRect();
      return box && (left < box.left || right > box.right || bottom > box.bottom) ? [text.textContent] : [];
    });
  },

  /** Puts the page into the background, or back. */
  hide(hidden) {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  },

  /** Rules of axe that the page breaks. */
  async findings() {
    const { violations } = await globalThis.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  },
};
