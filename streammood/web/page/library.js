// The library: a map of all songs, filters, what was found, and a queue that plays.

import { colourOf } from "./colours.js";
import { clock, find, make, setText } from "./dom.js";
import { FaceDialog } from "./face.js";
import { SongMap } from "./map.js";
import { Queue } from "./queue.js";
import { describe, nameOf } from "./song.js";
import { toast } from "./toasts.js";

const ASK = 2000; // ms between two questions how far a scan is
const PAUSE = 250; // ms after the last letter before it is looked for
const PLACES = ["calm", "happy", "sad", "aggressive", "energetic", "neutral"];

export class LibraryPage {
  constructor(link, songs) {
    this.link = link;
    this.songs = songs;
    this.visible = false;
    this.version = null;
    this.known = new Map(); // songs by id, as the server described them
    this.filters = find("filters");
    this.way = find("way");
    this.map = new SongMap(find("map"), {
      onPick: (valence, arousal) => this.search({ at: `${valence.toFixed(3)},${arousal.toFixed(3)}` }),
      onHover: (id) => this.hover(id),
    });
    this.queue = new Queue(this);
    new FaceDialog((answer) => this.feel(answer));
    for (const select of [this.way.elements.from, this.way.elements.to]) select.append(...PLACES.map((name) => new Option(name)));
    this.way.elements.to.value = "energetic";
    this.filters.addEventListener("input", () => this.later());
    this.filters.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    this.way.addEventListener("submit", (event) => {
      event.preventDefault();
      this.travel();
    });
    find("filters-clear").addEventListener("click", () => {
      this.filters.reset();
      this.search();
    });
    setInterval(() => this.visible && this.refresh(), ASK);
    link.on("link", () => {
      this.version = null; // the colours of moods are known now
      if (this.visible) this.refresh();
    });
  }

  show(visible) {
    this.visible = visible;
    if (visible) this.refresh();
  }

  frame() {
    if (this.visible) this.map.frame();
  }

  /** How much there is, how far a scan is; the map again if it has changed. */
  async refresh() {
    if (this.version === null) this.ahead ??= points(); // meanwhile
    const answer = await fetch("library").catch(() => null);
    if (!answer?.ok) return;
    const state = await answer.json();
    setText(find("library-state"), describeState(state));
    this.showScan(state.scan);
    if (!state.songs || state.version === this.version) return;
    const { feeling } = this.filters.elements;
    const first = feeling.options.length === 1;
    this.version = state.version;
    if (first) feeling.append(...state.feelings.map((name) => new Option(name)));
    await this.load();
    if (first) this.search();
  }

  showScan(scan) {
    find("scan").hidden = !scan?.running;
    if (!scan?.running) return;
    find("scan-share").style.clipPath = `inset(0 ${100 - (100 * scan.done) / Math.max(1, scan.total)}% 0 0)`;
    const left = scan.rate ? `, ${clock((60 * (scan.total - scan.done)) / scan.rate)} left` : "";
    const failed = scan.failed ? `, ${scan.failed} failed` : "";
    setText(find("scan-words"), `Scanning: ${scan.done} of ${scan.total}, ${Math.round(scan.rate)} songs/min${left}${failed}`);
  }

  async load() {
    const ahead = this.ahead;
    this.ahead = null;
    const answer = await (ahead ?? points());
    if (answer?.status !== 200) return;
    this.version = answer.headers.get("X-Version");
    const labels = JSON.parse(decodeURIComponent(answer.headers.get("X-Labels")));
    this.map.set(new Float32Array(await answer.arrayBuffer()), labels.map((label) => colourOf(label, this.link.colors)));
    const { mood } = this.filters.elements;
    const before = mood.value;
    mood.replaceChildren(new Option("any", ""), ...labels.map((label) => new Option(label)));
    mood.value = labels.includes(before) ? before : "";
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE);
  }

  /** Ask for what the filters say, and `more`; a feeling stands for itself. */
  async search(more = {}) {
    const asked = new URLSearchParams();
    for (const [name, value] of [...new FormData(this.filters), ...Object.entries(more)]) {
      if (value !== "") asked.set(name, value);
    }
    const isAll = [...asked].length === 0;
    const wish = asked.get("feeling");
    const answer = await ask(wish && !more.like && !more.at ? `library/recommend?feeling=${wish}` : `library/find?${asked}`);
    if (!answer) return;
    this.map.choose(isAll ? null : answer.ids);
    this.list(answer.songs);
    const place = answer.at ? ` · ${answer.way}: around ${answer.at.join(", ")}` : "";
    setText(find("found-state"), `${answer.ids.length} songs${place}${answer.ids.length > answer.songs.length ? ", the nearest listed" : ""}`);
  }

  /** Songs for the feeling that a face shows. */
  async feel({ feeling, seen }) {
    this.filters.reset();
    this.filters.elements.feeling.value = feeling;
    await this.search();
    toast(`Your face looks: ${seen}`);
  }

  async travel() {
    const { from, to, minutes } = this.way.elements;
    const answer = await ask(`library/journey?from=${from.value}&to=${to.value}&minutes=${minutes.value}`);
    if (!answer) return;
    this.list(answer.songs);
    this.queue.clear();
    for (const song of answer.songs) this.queue.add(song);
    this.map.choose(answer.ids);
    setText(find("found-state"), `${answer.songs.length} songs from ${from.value} to ${to.value}, in the queue`);
  }

  list(songs) {
    for (const song of songs) this.known.set(song.id, song);
    find("found").replaceChildren(...songs.map((song) => this.row(song)));
  }

  row(song) {
    const item = make("li", { draggable: "true" }, ...describe(song));
    const play = make("button", { type: "button", text: "▶", "aria-label": `Play ${nameOf(song)}` });
    const alike = make("button", { type: "button", text: "≈", title: "Songs like this", "aria-label": `Songs like ${nameOf(song)}` });
    const add = make("button", { type: "button", text: "+", title: "To the queue", "aria-label": `Add ${nameOf(song)} to the queue` });
    item.append(play, alike, add);
    item.style.setProperty("--own", colourOf(song.mood, this.link.colors));
    play.addEventListener("click", () => this.queue.play(this.queue.add(song)));
    alike.addEventListener("click", () => this.search({ like: song.id }));
    add.addEventListener("click", () => this.queue.add(song));
    item.addEventListener("dragstart", (event) => event.dataTransfer.setData("application/x-streammood", String(song.id)));
    item.addEventListener("pointerenter", () => this.map.mark(song.id));
    return item;
  }

  hover(id) {
    const song = id === null ? null : this.known.get(id);
    setText(find("map-song"), song ? `${nameOf(song)} · ${song.mood}` : "");
  }

  /** Have a song analysed among the songs of this browser, where the stage plays in step. */
  async stage(song) {
    this.queue.pause();
    const answer = await fetch(`library/songs/${song.id}/open`, { method: "POST" }).catch(() => null);
    if (!answer?.ok) {
      toast(answer ? (await answer.text()).trim() : "The dashboard is not reached.", true);
      return;
    }
    location.hash = "#songs";
    const row = this.songs.row(nameOf(song));
    this.songs.shown = null; // so that it opens as soon as it is ready
    this.songs.watch((await answer.json()).id, row);
  }
}

function describeState(state) {
  if (state.why) return state.why;
  const parts = [`${state.songs} songs`, `${Math.round(state.minutes / 60)} hours`];
  if (state.failed) parts.push(`${state.failed} failed`);
  if (state.missing) parts.push(`${state.missing} missing`);
  return parts.join(" · ");
}

const points = () => fetch("library/points").catch(() => null);

async function ask(path) {
  const answer = await fetch(path).catch(() => null);
  if (answer?.ok) return answer.json();
  setText(find("found-state"), answer ? (await answer.text()).trim() : "The dashboard is not reached.");
  return null;
}
