// Songs that play one after the other, in an order that can be dragged, and leave as a playlist.

import { clock, find, make, setText } from "./dom.js";
import { describe, nameOf } from "./song.js";
import { toast } from "./toasts.js";

const KIND = "application/x-streammood"; // of what is dragged from the list
const ROW = "application/x-streammood-row"; // and within the queue

export class Queue {
  constructor(page) {
    this.page = page;
    this.rows = []; // {song, item}
    this.current = null;
    this.list = find("queue");
    this.audio = find("library-audio");
    this.audio.addEventListener("ended", () => this.next());
    this.audio.addEventListener("error", () => this.audio.getAttribute("src") && this.refuse());
    find("queue-next").addEventListener("click", () => this.next());
    find("queue-clear").addEventListener("click", () => this.clear());
    find("queue-stage").addEventListener("click", () => {
      const row = this.current ?? this.rows[0];
      if (row) this.page.stage(row.song);
    });
    for (const button of find("exports").children) button.addEventListener("click", () => this.save(button.dataset.kind));
    this.list.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.list.classList.add("over");
    });
    this.list.addEventListener("dragleave", () => this.list.classList.remove("over"));
    this.list.addEventListener("drop", (event) => this.drop(event));
  }

  add(song, before = null) {
    const row = { song, item: make("li", { draggable: "true" }, ...describe(song)) };
    const play = make("button", { type: "button", text: "▶", "aria-label": `Play ${nameOf(song)} now` });
    const remove = make("button", { type: "button", text: "×", "aria-label": `Take ${nameOf(song)} out of the queue` });
    row.item.append(play, remove);
    play.addEventListener("click", () => this.play(row));
    remove.addEventListener("click", () => this.remove(row));
    row.item.addEventListener("dragstart", (event) => event.dataTransfer.setData(ROW, String(this.rows.indexOf(row))));
    this.insert(row, before);
    return row;
  }

  insert(row, before) {
    const at = before ? this.rows.indexOf(before) : this.rows.length;
    this.rows.splice(at, 0, row);
    this.list.insertBefore(row.item, before?.item ?? null);
  }

  drop(event) {
    event.preventDefault();
    event.stopPropagation();
    this.list.classList.remove("over");
    const before = this.rows.find((row) => row.item.contains(event.target)) ?? null;
    const song = this.page.known.get(Number(event.dataTransfer.getData(KIND)));
    const moved = this.rows[event.dataTransfer.getData(ROW) || -1];
    if (moved && moved !== before) {
      this.rows.splice(this.rows.indexOf(moved), 1);
      this.insert(moved, before);
    } else if (song) this.add(song, before);
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    row.item.remove();
    if (row === this.current) this.stop();
  }

  clear() {
    this.rows = [];
    this.list.replaceChildren();
    this.stop();
  }

  stop() {
    this.current = null;
    this.audio.pause();
    this.audio.removeAttribute("src");
    find("cover").src = "page/icon.svg";
    setText(find("queue-name"), "Nothing plays");
    setText(find("queue-facts"), "");
  }

  pause() {
    this.audio.pause();
  }

  play(row) {
    this.current = row;
    for (const { item } of this.rows) item.removeAttribute("aria-current");
    row.item.setAttribute("aria-current", "true");
    const { song } = row;
    this.page.map.mark(song.id);
    find("cover").src = `library/songs/${song.id}/cover`;
    setText(find("queue-name"), nameOf(song));
    setText(find("queue-facts"), [song.album, clock(song.duration)].filter(Boolean).join(" · "));
    this.audio.src = `library/songs/${song.id}/sound`;
    this.audio.play().catch(() => {});
  }

  next() {
    const row = this.rows[this.rows.indexOf(this.current) + 1];
    if (row) this.play(row);
    else this.stop();
  }

  refuse() {
    toast(`${nameOf(this.current.song)} cannot be played by this browser; “With stage” converts it.`, true);
  }

  async save(kind) {
    const body = JSON.stringify(this.rows.map((row) => row.song.id));
    const answer = await fetch(`library/playlist?kind=${kind}`, { method: "POST", body }).catch(() => null);
    if (!answer?.ok) {
      toast(answer ? (await answer.text()).trim() : "The dashboard is not reached.", true);
      return;
    }
    const address = URL.createObjectURL(await answer.blob());
    make("a", { href: address, download: `streammood.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}
