// A small line that moves to the left: up to the last two minutes of one number.

const KEPT = 120;
const FEWEST = 30;
const WIDTH = 120;
const HEIGHT = 30;
const SVG = "http://www.w3.org/2000/svg";

export class Graph {
  #values = [];
  #fill = document.createElementNS(SVG, "path");
  #stroke = document.createElementNS(SVG, "path");
  #floor;

  /** floor: the least value that fills the height, so that noise near nothing stays near the bottom. */
  constructor(floor) {
    this.#floor = floor;
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("aria-hidden", "true");
    this.#fill.setAttribute("class", "fill");
    this.#stroke.setAttribute("class", "stroke");
    this.element.append(this.#fill, this.#stroke);
  }

  add(value) {
    this.#values.push(value);
    if (this.#values.length > KEPT) {
      this.#values.shift();
    }
    const most = Math.max(this.#floor, ...this.#values);
    const step = WIDTH / (Math.max(FEWEST, this.#values.length) - 1);
    const first = WIDTH - (this.#values.length - 1) * step;
    const points = this.#values.map((one, i) => {
      const y = HEIGHT - 1 - (one / most) * (HEIGHT - 3);
      return `${(first + i * step).toFixed(1)},${y.toFixed(1)}`;
    });
    const line = "M" + points.join("L");
    this.#stroke.setAttribute("d", line);
    this.#fill.setAttribute("d", `${line}L${WIDTH},${HEIGHT}L${first.toFixed(1)},${HEIGHT}Z`);
  }
}
