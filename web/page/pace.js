/** Measures how fast a job runs. */

/** Milliseconds that count for the present speed. */
const WINDOW = 8000;
/** Milliseconds before a speed is told. */
const LEAST = 400;

export class Pace {
  #points = [];

  /** Takes note of the bytes done so far. */
  add(bytes, now = performance.now()) {
    this.#points.push({ bytes, now });
    while (this.#points.length > 2 && now - this.#points[1].now > WINDOW) {
      this.#points.shift();
    }
  }

  /** Bytes a second of late; undefined while too little is known. */
  get speed() {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    const milliseconds = last ? last.now - first.now : 0;
    const bytes = last ? last.bytes - first.bytes : 0;
    return milliseconds >= LEAST && bytes > 0 ? bytes / milliseconds * 1000 : undefined;
  }
}
