// All songs of a library by valence and arousal: a picture of pixels, so that a hundred thousand are drawn in a frame.

import { light, bytes } from "./colours.js";

const REACH = 14; // pixels around the pointer in which a song is found
const MARGIN = 26; // pixels around the circumplex
const FEW = 3000; // songs up to which each is a large dot
const FIELDS = 6; // of a song: id, valence, arousal, BPM, energy, number of its mood
const CLICK = 4; // pixels that a pointer may move in a click

export class SongMap {
  constructor(canvas, { onPick, onHover }) {
    this.canvas = canvas;
    this.songs = new Float32Array(0);
    this.colours = [];
    this.chosen = null; // ids that are shown in colour; null: all
    this.current = null;
    this.view = { x: 0, y: 0, zoom: 1 };
    this.due = true;
    this.onPick = onPick;
    this.onHover = onHover;
    canvas.addEventListener("wheel", (event) => this.zoom(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointerleave", () => this.onHover(null));
    canvas.addEventListener("dblclick", () => this.reset());
    addEventListener("resize", () => (this.due = true));
  }

  get count() {
    return this.songs.length / FIELDS;
  }

  set(songs, colours) {
    this.songs = songs;
    this.colours = colours.map((colour) => bytes(light(colour)));
    this.due = true;
  }

  choose(ids) {
    this.chosen = ids && new Set(ids);
    this.due = true;
  }

  mark(id) {
    this.current = id;
    this.due = true;
  }

  reset() {
    this.view = { x: 0, y: 0, zoom: 1 };
    this.due = true;
  }

  /** Pixels of the canvas for 1.0 of valence or arousal. */
  get scale() {
    const { width, height } = this.canvas;
    return Math.max(10, Math.min(width, height) / 2 - MARGIN * this.ratio) * this.view.zoom;
  }

  get ratio() {
    return Math.min(2, window.devicePixelRatio || 1);
  }

  place(valence, arousal) {
    const { width, height } = this.canvas;
    return [width / 2 + (valence - this.view.x) * this.scale, height / 2 - (arousal - this.view.y) * this.scale];
  }

  /** Valence and arousal under a pointer. */
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
    const { width, height } = this.canvas;
    return [(x - width / 2) / this.scale + this.view.x, (height / 2 - y) / this.scale + this.view.y];
  }

  zoom(event) {
    event.preventDefault();
    const [before, factor] = [this.under(event), Math.exp(-event.deltaY / 400)];
    this.view.zoom = Math.min(60, Math.max(1, this.view.zoom * factor));
    const after = this.under(event);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    if (this.view.zoom === 1) this.reset();
    this.due = true;
  }

  grab(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.grabbed = { x: event.clientX, y: event.clientY, at: { ...this.view } };
  }

  move(event) {
    if (!this.grabbed) {
      this.onHover(this.nearest(event));
      return;
    }
    const scale = this.scale / this.ratio;
    this.view.x = this.grabbed.at.x - (event.clientX - this.grabbed.x) / scale;
    this.view.y = this.grabbed.at.y + (event.clientY - this.grabbed.y) / scale;
    this.due = true;
  }

  release(event) {
    const { grabbed } = this;
    this.grabbed = null;
    if (!grabbed || Math.hypot(event.clientX - grabbed.x, event.clientY - grabbed.y) > CLICK) return;
    this.view = grabbed.at;
    const [valence, arousal] = this.under(event).map((value) => Math.min(1, Math.max(-1, value)));
    this.onPick(valence, arousal);
  }

  /** The id of the song next to the pointer; null where there is none. */
  nearest(event) {
    const [valence, arousal] = this.under(event);
    const { songs, chosen } = this;
    let [best, least] = [null, ((REACH * this.ratio) / this.scale) ** 2];
    for (let i = 0; i < songs.length; i += FIELDS) {
      const apart = (songs[i + 1] - valence) ** 2 + (songs[i + 2] - arousal) ** 2;
      if (apart < least && (!chosen || chosen.has(songs[i]))) [best, least] = [songs[i], apart];
    }
    return best;
  }

  frame() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!this.due || !clientWidth || !clientHeight) return;
    this.due = false;
    const [width, height] = [Math.round(clientWidth * this.ratio), Math.round(clientHeight * this.ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const c = this.canvas.getContext("2d", { willReadFrequently: true });
    this.axes(c, width, height);
    this.dots(c, width, height);
    this.ring(c);
    this.canvas.dispatchEvent(new CustomEvent("drawn", { detail: { songs: this.count } }));
  }

  axes(c, width, height) {
    c.fillStyle = "#0d1116";
    c.fillRect(0, 0, width, height);
    const [x, y] = this.place(0, 0);
    const radius = this.scale;
    c.strokeStyle = "#2b323d";
    c.lineWidth = this.ratio;
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    c.moveTo(x - radius, y);
    c.lineTo(x + radius, y);
    c.moveTo(x, y - radius);
    c.lineTo(x, y + radius);
    c.stroke();
    c.fillStyle = "#9aa4b2";
    c.font = `500 ${12 * this.ratio}px Inter, "Segoe UI", system-ui, sans-serif`;
    c.textAlign = "center";
    c.fillText("energetic", x, Math.max(14 * this.ratio, y - radius - 8 * this.ratio));
    c.fillText("quiet", x, Math.min(height - 6 * this.ratio, y + radius + 18 * this.ratio));
    c.textAlign = "right";
    c.fillText("pleasant", Math.min(width - 6, x + radius), y - 6 * this.ratio);
    c.textAlign = "left";
    c.fillText("unpleasant", Math.max(6, x - radius), y - 6 * this.ratio);
  }

  /** Every song as a square of pixels; those that were not chosen first, and dark. */
  dots(c, width, height) {
    const image = c.getImageData(0, 0, width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const size = Math.max(1, Math.round((this.count <= FEW ? 5 : 2) * this.ratio * Math.min(2, Math.sqrt(this.view.zoom))));
    const inks = this.colours.map(([r, g, b]) => (0xff << 24) | (b << 16) | (g << 8) | r);
    if (this.chosen) this.plot(pixels, width, height, size, () => 0xff3d342b, (id) => !this.chosen.has(id));
    const isChosen = this.chosen ? (id) => this.chosen.has(id) : () => true;
    this.plot(pixels, width, height, size, (mood) => inks[mood] ?? 0xffa3958b, isChosen);
    c.putImageData(image, 0, 0);
  }

  plot(pixels, width, height, size, ink, wanted) {
    const { songs, scale, view } = this;
    const [x0, y0] = [width / 2 - view.x * scale - size / 2, height / 2 + view.y * scale - size / 2];
    for (let i = 0; i < songs.length; i += FIELDS) {
      const [x, y] = [Math.round(x0 + songs[i + 1] * scale), Math.round(y0 - songs[i + 2] * scale)];
      if (!(x >= 0 && y >= 0 && x + size <= width && y + size <= height) || !wanted(songs[i])) continue;
      const colour = ink(songs[i + 5]);
      for (let row = y; row < y + size; row++) pixels.fill(colour, row * width + x, row * width + x + size);
    }
  }

  /** Around the song that plays. */
  ring(c) {
    for (let i = 0; i < this.songs.length; i += FIELDS) {
      if (this.songs[i] !== this.current) continue;
      const [x, y] = this.place(this.songs[i + 1], this.songs[i + 2]);
      c.strokeStyle = "#fff";
      c.lineWidth = 2 * this.ratio;
      c.beginPath();
      c.arc(x, y, 9 * this.ratio, 0, 2 * Math.PI);
      c.stroke();
      return;
    }
  }
}
