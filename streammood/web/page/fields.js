// Number fields: each shows what holds at the engine, and sends what is entered; a refused value does not stay.

import { find } from "./dom.js";
import { commandRow } from "./keys.js";
import { toast } from "./toasts.js";

const SETTLED = 2000; // ms until what the engine says of itself is newer than what was entered

export class Field {
  /** `send` is given each number that is entered; what it commands is the row of the table called `name`. */
  constructor(input, name, send) {
    this.input = input;
    this.row = commandRow(name);
    this.send = send;
    this.inForce = undefined; // what holds at the engine
    this.changed = false; // by hand, and not sent yet
    this.sentAt = -Infinity;
    const [low, high] = this.row.arguments.at(-1).range;
    Object.assign(input, { min: low, max: high });
    input.addEventListener("input", () => (this.changed = true));
    input.addEventListener("change", () => this.enter());
    input.addEventListener("blur", () => this.restore());
    input.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.key === "Escape") this.restore();
    if (event.key === "Enter" || event.key === "Escape") this.input.blur();
  }

  enter() {
    const { min, max, value, validity } = this.input;
    const number = Number(value);
    if (value !== "" && number >= Number(min) && number <= Number(max)) this.submit(number);
    else if (value !== "" || validity.badInput) {
      toast(`${title(this.row)}: ${min} to ${max}`, true);
      this.restore();
    }
  }

  /** Send `number`, and show it until the engine says what holds. */
  submit(number) {
    this.changed = false;
    this.sentAt = performance.now();
    this.wanted = number;
    this.input.value = tidy(number);
    this.send(number);
  }

  /** Add to what is shown; quick presses add up. */
  add(step) {
    const { min, max } = this.input;
    this.submit(Math.min(Number(max), Math.max(Number(min), (this.fresh ? this.wanted : (this.inForce ?? 0)) + step)));
  }

  get fresh() {
    return performance.now() - this.sentAt < SETTLED;
  }

  /** The engine's answer to what was sent. */
  answered(ok) {
    if (ok && this.inForce !== undefined) return;
    this.sentAt = -Infinity; // refused, or an engine that does not say what holds
    this.restore();
  }

  /** What holds at the engine. */
  showInForce(value) {
    this.inForce = value;
    if (!this.changed && !this.fresh) this.restore();
  }

  restore() {
    this.changed = false;
    const text = this.fresh ? tidy(this.wanted) : this.inForce === undefined ? "" : tidy(this.inForce);
    if (this.input.value !== text) this.input.value = text;
  }
}

/** The fields of the engine: tempo, its bounds, gain. */
export class Fields {
  constructor(send) {
    const form = find("settings");
    form.addEventListener("submit", (event) => event.preventDefault());
    this.fields = new Map([...form.querySelectorAll("input")].map((input) => [input.name, new Field(input, input.name, (number) => send(input.name, number))]));
  }

  answered(name, ok) {
    this.fields.get(name)?.answered(ok);
  }

  show(values) {
    for (const [name, field] of this.fields) field.showInForce(values[`control/${name}`]);
    this.fields.get("bpm").input.placeholder = values.bpm ? values.bpm.toFixed(1) : "–";
  }
}

const tidy = (number) => String(Number(number.toFixed(2)));

/** The words of a command for people. */
export function title(row) {
  const words = row.title.split(":")[0];
  return words.charAt(0).toUpperCase() + words.slice(1);
}
