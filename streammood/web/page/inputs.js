// The input: which devices there are and how loud each is, another one while the show runs, channels, gain, listening in.

import { find, make, pause, setText } from "./dom.js";
import { toast } from "./toasts.js";

const ASK = 250; // ms between two looks at the meters
const FLOOR = -60; // dB of an empty meter
const DEMO = "demo";

export class Inputs {
  /** `send` is given the name and the arguments of each command, `store` the fields of the input that the file is to hold. */
  constructor(send, store) {
    Object.assign(this, { send, store });
    this.dialog = find("input-edit");
    this.form = find("input-form");
    this.inForce = {};
    this.rows = new Map(); // by the choice of each device
    find("input-open").addEventListener("click", () => this.open());
    find("input-close").addEventListener("click", () => this.dialog.close());
    find("input-store").addEventListener("click", () => this.save());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.use();
    });
    this.form.addEventListener("change", ({ target }) => target.name === "input" && this.offer());
    this.dialog.addEventListener("close", () => this.release());
  }

  async open() {
    find("input-list").replaceChildren(...[this.row({ name: "Built-in demo music", choice: DEMO, channels: 0 })]);
    this.rows = new Map();
    this.picked = undefined;
    setText(find("input-wrong"), "");
    this.form.elements.decibels.value = this.inForce.gain ?? 0;
    this.offer();
    this.dialog.showModal();
    while (this.dialog.open) {
      await this.look();
      await pause(ASK);
    }
  }

  async look() {
    const answer = await fetch("inputs").catch(() => null);
    if (!answer?.ok || !this.dialog.open) return;
    const { here, devices } = await answer.json();
    const none = here ? "No device is plugged in." : "The engine runs on another machine: its devices cannot be listed here.";
    setText(find("input-none"), devices.length ? "" : none);
    for (const device of devices) this.show(device);
  }

  show(device) {
    let row = this.rows.get(device.choice);
    if (!row) {
      row = { ...device, item: this.row(device) };
      this.rows.set(device.choice, row);
      find("input-list").lastElementChild.before(row.item);
      if (this.picked === undefined && device.name === this.inForce.input) this.pick(device.choice);
    }
    const { word, peak, error, advice } = device;
    row.item.dataset.word = error ? "error" : (word ?? "");
    row.item.querySelector(".fill").style.clipPath = `inset(0 ${Math.min(100, Math.max(0, (100 * (peak ?? FLOOR)) / FLOOR))}% 0 0)`;
    setText(row.item.querySelector(".word"), error ? "in use" : (word ?? "…"));
    setText(row.item.querySelector(".what"), error || (word && word !== "good" ? advice : ""));
  }

  row({ name, choice, api, channels }) {
    const radio = make("input", { type: "radio", name: "input", value: choice });
    const words = channels ? `${api}, ${channels} ${channels === 1 ? "channel" : "channels"}` : "no cable needed";
    const meter = channels ? [make("span", { class: "track scale", "aria-hidden": "true" }, make("span", { class: "fill" })), make("span", { class: "word" })] : [];
    return make("li", {}, make("label", {}, radio, make("span", {}, make("strong", { text: name }), " ", make("span", { class: "quiet", text: words })), ...meter), make("p", { class: "what quiet" }));
  }

  pick(choice) {
    this.picked = choice;
    const radio = [...this.form.querySelectorAll("[name=input]")].find(({ value }) => value === choice);
    if (radio) radio.checked = true;
    this.offer();
  }

  /** The channels of the chosen device: all of the first two, each alone, each pair. */
  offer() {
    const choice = this.form.querySelector("[name=input]:checked")?.value;
    this.picked = choice;
    const count = Math.min(64, this.rows.get(choice)?.channels ?? 0);
    const each = Array.from({ length: count }, (_, i) => [`${i + 1}`, `${i + 1} alone`]);
    const pairs = Array.from({ length: Math.floor(count / 2) }, (_, i) => [`${2 * i + 1},${2 * i + 2}`, `${2 * i + 1} and ${2 * i + 2}`]);
    const select = this.form.elements.channels;
    select.replaceChildren(new Option(count > 1 ? "the first two" : "all", "all"), ...(count > 1 ? [...each, ...pairs] : []).map(([value, text]) => new Option(text, value)));
    select.disabled = count < 2;
    const row = this.rows.get(choice);
    if (row?.name === this.inForce.input && this.inForce.channels) select.value = this.inForce.channels;
    if (select.selectedIndex < 0) select.value = "all";
    for (const id of ["input-use", "input-store"]) find(id).disabled = choice === undefined;
  }

  /** Gain, channels and the device, each only where it is another one than before. */
  async use() {
    const choice = this.picked;
    const row = this.rows.get(choice);
    const gain = this.form.elements.decibels;
    if (choice === undefined) return false;
    if (!gain.validity.valid) {
      setText(find("input-wrong"), `Gain: ${gain.validationMessage}`);
      gain.focus();
      return false;
    }
    await this.release();
    const channels = this.form.elements.channels.value;
    const same = choice === DEMO ? this.inForce.input === DEMO : row?.name === this.inForce.input;
    if (!same) this.send("input", choice);
    // after another device has been opened: each is prepared by itself
    if (choice !== DEMO && channels !== this.inForce.channels && (same || channels !== "all")) this.next = () => this.send("channels", channels);
    if (same) this.further();
    if (Number(gain.value) !== (this.inForce.gain ?? 0)) this.send("gain", Number(gain.value));
    this.dialog.close();
    return true;
  }

  further() {
    const { next } = this;
    this.next = undefined;
    next?.();
  }

  answered(name, ok) {
    if (name !== "input") return;
    if (ok) this.further();
    this.next = undefined;
  }

  /** Use it, and have the settings file hold it. */
  async save() {
    const { channels, decibels: gain } = this.form.elements;
    const choice = this.picked;
    const device = this.rows.get(choice)?.name;
    const parts = channels.value.split(",").map(Number);
    if (!(await this.use())) return;
    if (choice === DEMO) toast("The demo is chosen with --input demo, not in the file", true);
    else this.store({ device, channels: channels.value === "all" ? "" : parts.length === 1 ? parts[0] : parts, gain: Number(gain.value) || "" });
  }

  /** Close the meters: some drivers let one program alone have a device. */
  async release() {
    const headers = { "Content-Type": "application/json" };
    await fetch("inputs", { method: "POST", headers, body: JSON.stringify({ action: "close" }) }).catch(() => null);
  }

  /** What the engine says of its input. */
  showInForce(values, fresh) {
    const { "control/input": input, "control/channels": channels, "control/gain": gain, "control/play": play } = values;
    this.inForce = { input, channels, gain };
    const words = channels && channels !== "all" ? `${input}, channel ${channels}` : (input ?? "");
    setText(find("input-name"), words);
    find("input-open").hidden = input === undefined;
    const button = document.querySelector("[data-switch=play]");
    button.hidden = !(play >= 0);
    if (!fresh) button.setAttribute("aria-pressed", play > 0);
  }
}
