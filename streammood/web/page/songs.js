// Songs: dropped or chosen, uploaded with progress, watched while they are analysed, then played.

import { toast } from "./toasts.js";
import { find, make, setText } from "./dom.js";
import { Player } from "./player.js";

const ASK = 250; // ms between two questions how far an analysis is
const STILL_WANTED = 60_000; // ms between two signs that a song is still wanted
const SEVERAL = 2; // uploads at a time; the others wait here
const AGAIN = 3000; // ms until a song that the server had no room for is offered again
const PATIENCE = 5; // times

export class SongsPage {
  constructor(link) {
    this.link = link;
    this.visible = false;
    this.player = new Player(link);
    this.rows = []; // in the order of the list
    this.waiting = [];
    this.sending = 0;
    this.shown = null; // id of the song that plays
    find("files").addEventListener("change", (event) => {
      this.add(event.target.files);
      event.target.value = "";
    });
    for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
    addEventListener("dragenter", (event) => {
      if (event.dataTransfer?.types.includes("Files")) find("veil").hidden = false;
    });
    addEventListener("dragleave", (event) => event.relatedTarget === null && (find("veil").hidden = true));
    addEventListener("drop", (event) => {
      find("veil").hidden = true;
      if (event.dataTransfer?.files.length) this.add(event.dataTransfer.files);
    });
    find("audio").addEventListener("ended", () => this.playNext());
    link.on("link", () => this.list());
  }

  /** What this browser brought earlier, and the server still has; once, when the colours of moods are known. */
  async list() {
    if (this.listed || !this.link.connected) return;
    this.listed = true;
    const answer = await fetch("songs").catch(() => null);
    if (!answer?.ok) return;
    for (const song of (await answer.json()).songs) this.watch(song.id, this.row(song.name));
  }

  add(files) {
    location.hash = "#songs";
    for (const file of files) {
      const row = this.row(file.name);
      if (this.link.uploadLimit && file.size > 1e6 * this.link.uploadLimit) {
        this.fail(row, `Songs may have at most ${this.link.uploadLimit} MB.`);
      } else this.waiting.push({ file, row, tries: 0 });
    }
    this.next();
  }

  next() {
    while (this.sending < SEVERAL && this.waiting.length) this.upload(this.waiting.shift());
  }

  row(name) {
    const row = {
      item: make("li", { "data-state": "waiting" }),
      name: make("span", { class: "name", text: name, title: name }),
      state: make("span", { class: "what", text: "waiting" }),
      bar: make("span", { class: "fill" }),
      open: make("button", { type: "button", text: "Play", class: "open" }),
      remove: make("button", { type: "button", text: "×", "aria-label": `Remove ${name}`, class: "remove" }),
    };
    row.open.hidden = true;
    row.item.append(row.name, row.state, row.open, row.remove, make("span", { class: "track" }, row.bar));
    row.remove.addEventListener("click", () => this.remove(row));
    row.open.addEventListener("click", () => this.show(row, true));
    find("uploads").append(row.item);
    this.rows.push(row);
    return row;
  }

  upload(job) {
    const { file, row } = job;
    this.sending++;
    const request = new XMLHttpRequest();
    row.request = request;
    const done = () => {
      this.sending--;
      this.next();
    };
    request.upload.onprogress = (event) => this.showProgress(row, "uploading", event.loaded / Math.max(1, event.total));
    request.onload = () => {
      done();
      if (request.status === 201) this.watch(JSON.parse(request.responseText).id, row);
      else if (request.status === 429 && job.tries++ < PATIENCE) this.later(job);
      else this.fail(row, reason(request));
    };
    request.onerror = () => {
      done();
      this.fail(row, "The upload broke off; is the dashboard still running?");
    };
    request.onabort = done;
    request.open("POST", `songs?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
    this.showProgress(row, "uploading", 0);
  }

  later(job) {
    this.showProgress(job.row, "waiting for room", 0);
    setTimeout(() => {
      if (job.row.removed) return;
      this.waiting.push(job);
      this.next();
    }, AGAIN);
  }

  async watch(id, row) {
    row.id = id;
    while (!row.removed) {
      const answer = await fetch(`songs/${id}`).catch(() => null);
      if (answer?.status === 404) return this.fail(row, "It was deleted, since nobody used it.");
      if (answer?.ok) {
        const song = await answer.json();
        if (song.state === "failed") return this.fail(row, sentence(song.error));
        if (song.state === "done") this.ready(row);
        else this.showProgress(row, song.state === "waiting" ? "waiting for its turn" : "analysing", song.progress);
      }
      await wait(row.done ? STILL_WANTED : ASK);
    }
    return undefined;
  }

  async ready(row) {
    if (row.done) return;
    row.done = true;
    this.showProgress(row, "ready", 1);
    row.open.hidden = false;
    if (this.shown === null) await this.show(row, false);
  }

  /** After a song the next one in the list, up to the last. */
  playNext() {
    const at = this.rows.findIndex((row) => row.id === this.shown);
    const next = this.rows.slice(at + 1).find((row) => row.done);
    if (at >= 0 && next) this.show(next, true);
  }

  async show(row, playing) {
    const parts = await Promise.all(["result", "outline"].map((part) => load(`songs/${row.id}/${part}`)));
    if (parts.includes(null)) return toast("The song is gone; drop it once more.", true);
    this.shown = row.id;
    for (const item of find("uploads").children) item.classList.toggle("shown", item === row.item);
    const song = Object.assign(...parts);
    const label = song.mood?.label ?? "no mood";
    setText(row.state, `${label} · ${song.bpm ? song.bpm.toFixed(1) : "–"} BPM`);
    this.player.open(row.id, song, playing);
    return undefined;
  }

  showProgress(row, what, share) {
    row.item.dataset.state = what.split(" ")[0];
    setText(row.state, share > 0 && share < 1 ? `${what} ${Math.round(100 * share)} %` : what);
    row.bar.style.clipPath = `inset(0 ${100 * (1 - share)}% 0 0)`;
  }

  fail(row, text) {
    row.item.dataset.state = "failed";
    row.done = false;
    setText(row.state, text);
    row.bar.style.clipPath = "inset(0 100% 0 0)";
  }

  remove(row) {
    row.removed = true;
    row.request?.abort();
    this.waiting = this.waiting.filter((job) => job.row !== row);
    this.rows = this.rows.filter((other) => other !== row);
    row.item.remove();
    if (row.id) fetch(`songs/${row.id}`, { method: "DELETE" }).catch(() => {});
    if (row.id && row.id === this.shown) {
      this.shown = null;
      this.player.close();
    }
  }

  frame(time) {
    if (this.visible) this.player.frame(time);
  }
}

const wait = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function load(path) {
  const answer = await fetch(path).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

function reason(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch {
    return request.responseText.trim() || `The server refused it (${request.status}).`;
  }
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
