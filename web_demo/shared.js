// What the parts of the page share.

export const element = (id) => document.getElementById(id);

export function say(part, text, isWrong = false) {
  const status = element(`${part}-status`);
  status.textContent = text;
  status.classList.toggle("wrong", isWrong);
}

/** A worker of its own for each part: calls are promises, answered in order. */
export class Caller {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #next = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting.resolve(result);
      else waiting.reject(new Error(error));
    };
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || "the worker failed"));
      this.#waiting.clear();
    };
  }

  call(kind, values = {}, transfer = []) {
    return new Promise((resolve, reject) => {
      const id = ++this.#next;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, kind, ...values }, transfer);
    });
  }
}

/** Sliders of a part, in percent; returns what they say as shares of 1. */
export function sliders(part, names, changed) {
  for (const name of names) {
    const slider = element(`${part}-${name}`);
    slider.addEventListener("input", () => {
      element(`${part}-${name}-value`).textContent = `${slider.value} %`;
      changed();
    });
  }
  return () => Object.fromEntries(names.map((name) => [name, Number(element(`${part}-${name}`).value) / 100]));
}

/** The line between before and after, which is a slider as large as the picture: mouse, touch, keyboard and screen readers. */
export function splits(part) {
  const slider = element(`${part}-split`);
  const move = () => element(`${part}-view`).style.setProperty("--split", `${slider.value}%`);
  slider.addEventListener("input", move);
  move();
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
