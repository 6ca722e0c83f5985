// The input: another one while the show runs, its channels, its gain; and whether a file or the demo is heard.

import { DEMO, DeviceList } from "./devices.js";
import { find, setText } from "./dom.js";
import { toast } from "./toasts.js";

export class Inputs {
  /** `send` is given the name and the arguments of each command, `store` the fields of the input that the file is to hold. */
  constructor(send, store) {
    Object.assign(this, { send, store });
    this.dialog = find("input-edit");
    this.form = find("input-form");
    this.inForce = {};
    this.list = new DeviceList(find("input-list"), find("input-none"), this.form.elements.channels, () => this.changed(), () => this.inForce.input);
    find("input-open").addEventListener("click", () => this.open());
    find("input-close").addEventListener("click", () => this.dialog.close());
    find("input-store").addEventListener("click", () => this.save());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.use();
    });
    this.dialog.addEventListener("close", () => this.list.release());
  }

  open() {
    setText(find("input-wrong"), "");
    this.form.elements.decibels.value = this.inForce.gain ?? 0;
    this.dialog.showModal();
    this.list.run(() => this.dialog.open);
  }

  changed() {
    const { channels } = this.form.elements;
    if (this.list.device?.name === this.inForce.input && this.inForce.channels) channels.value = this.inForce.channels;
    if (channels.selectedIndex < 0) channels.value = "all";
    for (const id of ["input-use", "input-store"]) find(id).disabled = this.list.choice === undefined;
  }

  /** Gain, channels and the device, each only where it is another one than before. */
  async use() {
    const { choice, device } = this.list;
    const { decibels, channels } = this.form.elements;
    if (choice === undefined) return false;
    if (!decibels.validity.valid) {
      setText(find("input-wrong"), `Gain: ${decibels.validationMessage}`);
      decibels.focus();
      return false;
    }
    await this.list.release();
    const same = choice === DEMO ? this.inForce.input === DEMO : device?.name === this.inForce.input;
    // after another device has been opened: each is prepared by itself
    if (choice !== DEMO && (same ? channels.value !== this.inForce.channels : channels.value !== "all")) {
      const wanted = channels.value;
      this.next = () => this.send("channels", wanted);
    }
    if (same) this.further();
    else this.send("input", choice);
    if (Number(decibels.value) !== (this.inForce.gain ?? 0)) this.send("gain", Number(decibels.value));
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
    const { choice, device, channels } = this.list;
    const gain = Number(this.form.elements.decibels.value) || "";
    if (!(await this.use())) return;
    if (choice === DEMO) toast("The demo is chosen with --input demo, not in the file", true);
    else this.store({ device: device.name, channels: channels.length > 1 ? channels : (channels[0] ?? ""), gain });
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
