// What is sent to a target, as it is sent: the latest message on each address, newest first.

import { find, make, pause, setText } from "./dom.js";

const ASK = 400; // ms between two questions

export class Watch {
  /** `send` is given the name and the arguments of each command. */
  constructor(send) {
    this.send = send;
    this.dialog = find("watch");
    this.paused = false;
    find("watch-close").addEventListener("click", () => this.dialog.close());
    find("watch-pause").addEventListener("click", ({ currentTarget }) => {
      this.paused = !this.paused;
      currentTarget.setAttribute("aria-pressed", this.paused);
    });
  }

  async open(name) {
    this.name = name;
    this.paused = false;
    find("watch-pause").setAttribute("aria-pressed", "false");
    setText(find("h-watch"), `Sent to ${name}`);
    find("watch-list").replaceChildren();
    setText(find("watch-state"), "");
    this.dialog.showModal();
    while (this.dialog.open) {
      if (!this.paused) this.send("monitor", name);
      await pause(ASK);
    }
  }

  /** What the row of the target says: messages a second, its last error. */
  show(name, words, error) {
    if (!this.dialog.open || name !== this.name) return;
    setText(find("watch-state"), error ? `${words}. Last error: ${error}` : words);
    find("watch-state").classList.toggle("bad", Boolean(error));
  }

  answered(ok, values) {
    if (!this.dialog.open || this.paused) return;
    if (!ok) {
      setText(find("watch-state"), values.join(" "));
      return;
    }
    const rows = values.map((line) => {
      const [age, count, address, ...parts] = String(line).split(" ");
      const when = Number(age) < 10 ? `${Number(age).toFixed(1)} s` : `${Math.round(age)} s`;
      return make("tr", Number(age) < ASK / 1000 ? { class: "fresh" } : {}, make("th", { scope: "row", text: address }), make("td", { text: parts.join(" ") }), make("td", { text: when }), make("td", { text: Number(count).toLocaleString() }));
    });
    find("watch-list").replaceChildren(...rows);
  }
}
