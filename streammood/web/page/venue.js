// The targets of the settings file: added, changed, copied, removed, undone; then the engine reads the file again.

import { listAnnounced } from "./announced.js";
import { find, make, setText } from "./dom.js";
import { toast } from "./toasts.js";

const FIELDS = ["name", "preset", "host", "port", "offset"];

export class Venue {
  /** `send` is given the name and the arguments of each command, `calibrate` the name of a target. */
  constructor(send, calibrate) {
    Object.assign(this, { send, calibrate });
    this.targets = [];
    this.form = find("target-form");
    this.dialog = find("target-edit");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.elements.preset.addEventListener("change", () => this.describe());
    find("add-target").addEventListener("click", () => this.open());
    find("undo-target").addEventListener("click", () => this.change({ action: "undo" }, "Undone"));
    find("copy-target").addEventListener("click", () => this.change({ action: "copy", index: this.index }, "Copied"));
    find("remove-target").addEventListener("click", () => this.change({ action: "remove", index: this.index }, "Removed"));
    find("calibrate-target").addEventListener("click", () => {
      this.dialog.close();
      this.calibrate(this.targets[this.index].title);
    });
    find("close-target").addEventListener("click", () => this.dialog.close());
    this.load();
  }

  async load() {
    const answer = await fetch("targets").catch(() => null);
    if (answer?.ok) this.show(await answer.json());
    else if (answer?.status === 409) toast(`Targets: ${await answer.text()}`, true);
  }

  show({ file, targets, presets, undo }) {
    find("input-store").hidden = !file;
    this.targets = targets;
    this.presets = presets;
    find("venue").hidden = !file;
    find("no-venue").hidden = Boolean(file);
    setText(find("venue-file"), file);
    find("undo-target").disabled = undo === 0;
    const options = Object.keys(presets).map((name) => new Option(name, name));
    this.form.elements.preset.replaceChildren(new Option("every signal, below /streammood", ""), ...options);
  }

  /** Whether the target that the engine calls `name` stands in the file. */
  has(name) {
    return this.targets.some(({ title }) => title === name);
  }

  /** Open the target that the engine calls `name`, or a new one. */
  open(name) {
    this.index = this.targets.findIndex(({ title }) => title === name);
    const target = this.targets[this.index] ?? { own: [] };
    for (const field of FIELDS) this.form.elements[field].value = target.own.includes(field) ? target[field] : "";
    setText(find("h-target-edit"), this.index < 0 ? "New target" : `Target ${target.title}`);
    for (const id of ["copy-target", "remove-target", "calibrate-target"]) find(id).hidden = this.index < 0;
    setText(find("target-wrong"), "");
    this.describe();
    this.dialog.showModal();
    const { elements } = this.form;
    listAnnounced(find("target-receivers"), find("target-announced"), ({ name: title, host, port }) => {
      elements.name.value ||= title;
      elements.host.value = host;
      elements.port.value = port;
    });
  }

  /** Store the offset of the target that the engine calls `name`. */
  setOffset(name, offset) {
    const index = this.targets.findIndex(({ title }) => title === name);
    if (index >= 0) this.change({ action: "change", index, fields: { offset } }, `Offset ${offset} ms`);
    else this.send("offset", name, offset);
  }

  describe() {
    setText(find("preset-words"), this.presets[this.form.elements.preset.value] ?? "Each signal at its own address, for anything that takes OSC.");
  }

  save() {
    const fields = {};
    for (const field of FIELDS) {
      const input = this.form.elements[field];
      if (!input.validity.valid) {
        setText(find("target-wrong"), `${field}: ${input.validationMessage}`);
        input.focus();
        return;
      }
      fields[field] = input.type === "number" && input.value !== "" ? Number(input.value) : input.value.trim();
    }
    if (this.index < 0) this.change({ action: "add", fields }, "Added");
    else this.change({ action: "change", index: this.index, fields }, "Saved");
  }

  /** Change the file; where it is right, have the engine read it. */
  async change(wanted, words) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("targets", { method: "POST", headers, body: JSON.stringify(wanted) }).catch(() => null);
    if (answer?.ok) {
      this.show(await answer.json());
      this.dialog.close();
      toast(`${words}: ${find("venue-file").textContent}`);
      this.send("reload");
      return;
    }
    const reason = answer ? (await answer.text()).trim() : "the dashboard is not reached";
    if (this.dialog.open) setText(find("target-wrong"), reason);
    else toast(reason, true);
  }
}

/** The button that opens a target. */
export function editButton(name) {
  return make("button", { type: "button", class: "icon", text: "⋯", "data-edit": name, "aria-label": `Change ${name}`, title: "Change, copy, remove" });
}
