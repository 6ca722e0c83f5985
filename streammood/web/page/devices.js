// The inputs of the engine's machine, each with a live meter; one of them is chosen. For the live view and for setting up.

import { make, pause, setText } from "./dom.js";

const ASK = 250; // ms between two looks at the meters
const FLOOR = -60; // dB of an empty meter
export const DEMO = "demo";

export class DeviceList {
  /** `changed` is called when another device is chosen; `current` gives the name of the one that is used. */
  constructor(list, note, select, changed, current = () => undefined) {
    Object.assign(this, { list, note, select, changed, current });
    this.rows = new Map(); // by the choice of each device
    list.addEventListener("change", () => this.offer());
  }

  /** Begin anew, and look at the meters for as long as `open()` is true. */
  async run(open) {
    this.list.replaceChildren(this.item({ name: "Built-in demo music", choice: DEMO, channels: 0 }));
    this.rows = new Map();
    this.offer();
    while (open()) {
      if (!document.hidden) await this.look(open);
      await pause(ASK);
    }
  }

  async look(open) {
    const answer = await fetch("inputs").catch(() => null);
    if (!answer?.ok || !open()) return;
    const { here, devices } = await answer.json();
    const none = here ? "No device is plugged in." : "The engine runs on another machine: its devices cannot be listed here.";
    setText(this.note, devices.length ? "" : none);
    for (const device of devices) this.show(device);
  }

  show(device) {
    let row = this.rows.get(device.choice);
    if (!row) {
      row = { ...device, item: this.item(device) };
      this.rows.set(device.choice, row);
      this.list.lastElementChild.before(row.item);
      if (this.choice === undefined && device.name === this.current()) this.pick(device.choice);
    }
    const { word, peak, error, advice } = device;
    row.item.dataset.word = error ? "error" : (word ?? "");
    row.item.querySelector(".fill").style.clipPath = `inset(0 ${Math.min(100, Math.max(0, (100 * (peak ?? FLOOR)) / FLOOR))}% 0 0)`;
    setText(row.item.querySelector(".word"), error ? "in use" : (word ?? "…"));
    setText(row.item.querySelector(".what"), error || (word && word !== "good" ? advice : ""));
  }

  item({ name, choice, api, channels }) {
    const radio = make("input", { type: "radio", name: "input", value: choice });
    const words = channels ? `${api}, ${channels} ${channels === 1 ? "channel" : "channels"}` : "no cable needed";
    const meter = channels ? [make("span", { class: "track scale", "aria-hidden": "true" }, make("span", { class: "fill" })), make("span", { class: "word" })] : [];
    return make("li", {}, make("label", {}, radio, make("span", {}, make("strong", { text: name }), " ", make("span", { class: "quiet", text: words })), ...meter), make("p", { class: "what quiet" }));
  }

  get choice() {
    return this.list.querySelector("[name=input]:checked")?.value;
  }

  /** The chosen device; undefined for the demo, and where none is chosen. */
  get device() {
    return this.rows.get(this.choice);
  }

  /** The chosen channels as settings have them; none: all of the first two. */
  get channels() {
    return this.select.value === "all" ? [] : this.select.value.split(",").map(Number);
  }

  pick(choice) {
    const radio = [...this.list.querySelectorAll("[name=input]")].find(({ value }) => value === choice);
    if (radio) radio.checked = true;
    this.offer();
  }

  /** The channels of the chosen device: all of the first two, each alone, each pair. */
  offer() {
    const count = Math.min(64, this.device?.channels ?? 0);
    const each = Array.from({ length: count }, (_, i) => [`${i + 1}`, `${i + 1} alone`]);
    const pairs = Array.from({ length: Math.floor(count / 2) }, (_, i) => [`${2 * i + 1},${2 * i + 2}`, `${2 * i + 1} and ${2 * i + 2}`]);
    this.select.replaceChildren(new Option(count > 1 ? "the first two" : "all", "all"), ...(count > 1 ? [...each, ...pairs] : []).map(([value, text]) => new Option(text, value)));
    this.select.disabled = count < 2;
    this.changed();
  }

  /** Close the meters: some drivers let one program alone have a device. */
  async release() {
    await post("inputs", { action: "close" });
  }
}

/** The answer to something that is sent as JSON; null where the dashboard is not reached. */
export function post(path, wanted) {
  const headers = { "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(wanted) }).catch(() => null);
}

/** An answer's reason, in words. */
export async function reasonOf(answer) {
  return answer ? (await answer.text()).trim() : "the dashboard is not reached";
}
