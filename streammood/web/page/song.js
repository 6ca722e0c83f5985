// A song of the library in words.

import { clock, make } from "./dom.js";

export const nameOf = (song) => (song.artist ? `${song.artist} – ${song.title}` : song.title);

/** Its name, and beside it length, tempo, key, mood and energy. */
export function describe(song) {
  const facts = [clock(song.duration), song.bpm ? `${Math.round(song.bpm)} BPM` : "", song.key, song.mood, `energy ${song.energy.toFixed(2)}`];
  return [make("span", { class: "name", text: nameOf(song) }), make("span", { class: "what", text: facts.filter(Boolean).join(" · ") })];
}
